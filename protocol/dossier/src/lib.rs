//! Pure dossier model: facts, life cycle, audience, codes
