//! Harness, demo and benchmark adapter
