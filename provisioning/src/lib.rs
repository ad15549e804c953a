//! motcua-provision: makes cities, tokens and identities
