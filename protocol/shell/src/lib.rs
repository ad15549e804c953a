//! I/O shell: journal driver, sled state store, QUIC, clocks, signals
