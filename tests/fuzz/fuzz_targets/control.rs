#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    motcua_fuzz_targets::run(motcua_fuzz_targets::target("control"), input);
});
