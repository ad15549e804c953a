//! The office node: service, page and API
