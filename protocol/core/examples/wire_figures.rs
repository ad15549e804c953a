//! What a catch-up of 10,000 dossiers weighs and costs on the wire (figures of design/wire.md):
//! `cargo run --release --package motcua-core --example wire_figures`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    dead_code,
    missing_docs,
    unreachable_pub
)]

#[path = "../tests/wire/author.rs"]
mod author;
#[path = "../tests/wire/workload.rs"]
mod workload;

use author::Author;
use motcua_core::{
    entry::{Entry, payload_hash},
    hash::sha256,
    id::{DossierId, Hash},
    log::Frontier,
    wire,
};
use std::time::{Duration, Instant};
use workload::LATER;

const DOSSIERS: u64 = 10_000;

fn main() {
    let author = workload::write(DOSSIERS);
    let entries = &author.entries;
    let sum = |from: &dyn Fn(&Entry) -> usize| entries.iter().map(from).sum::<usize>();
    let firsts = entries.iter().filter(|entry| entry.header.creation.is_some());
    let first_bytes = firsts.map(|entry| entry.payload.len()).sum::<usize>();
    let payloads = sum(&|entry| entry.payload.len());
    println!("entries              {}", entries.len());
    println!("first change         {} B", first_bytes as u64 / DOSSIERS);
    println!("later change         {} B", (payloads - first_bytes) as u64 / (DOSSIERS * LATER));
    println!("payloads             {:.2} MB", mb(payloads));
    println!("headers, as hashed   {:.2} MB", mb(sum(&|entry| entry.header.encode().len())));
    println!("stored form          {:.2} MB", mb(sum(&|entry| wire::encode_entry(entry).len())));
    catch_up(&author);
    one_by_one(&author);
}

fn catch_up(author: &Author) {
    let public = author.key.public();
    let signature = author.sign(1);
    let (mut frames, mut encode) = (Vec::new(), Duration::MAX);
    for _ in 0..3 {
        frames.clear();
        let mut rest = &author.entries[..];
        let mut first = 1;
        let begun = Instant::now();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(wire::entries_for_frame(rest));
            let resolve = |dossier: &DossierId, hash: &Hash| author.sequence_of(dossier, hash);
            let frame = wire::encode_up(&public, author.log, first, now, resolve, &signature);
            frames.push(frame.unwrap());
            first += now.len() as u64;
            rest = later;
        }
        encode = encode.min(begun.elapsed());
    }
    let mut decode = Duration::MAX;
    // The best of several: the machine has other things to do.
    for _ in 0..9 {
        let mut frontier = Frontier::default();
        let begun = Instant::now();
        for frame in &frames {
            let resolve = |sequence| author.change_at(sequence);
            let frame = wire::decode_up(frame, &public, resolve).unwrap();
            frame.entries.iter().for_each(|entry| frontier.push(entry.leaf()));
        }
        decode = decode.min(begun.elapsed());
        assert_eq!(frontier.size(), author.entries.len() as u64);
        assert_eq!(frontier.root(), author.root(frontier.size()));
    }
    let decoded = author.entries.len();
    let mut hashes = Duration::MAX;
    for _ in 0..9 {
        let begun = Instant::now();
        let mut frontier = Frontier::default();
        for entry in &author.entries {
            assert_eq!(sha256(&entry.payload[8..]), entry.header.change_hash);
            assert_eq!(payload_hash(&entry.payload), entry.header.payload_hash);
            frontier.push(entry.leaf());
        }
        hashes = hashes.min(begun.elapsed());
    }
    let total: usize = frames.iter().map(Vec::len).sum();
    println!("frames               {}", frames.len());
    println!(
        "up, zstd {}           {:.2} MB, {} B an entry",
        wire::LEVEL,
        mb(total),
        total / decoded
    );
    println!("encode               {:.2} us an entry", per(encode, decoded));
    println!("decode, leaf, tree   {:.2} us an entry", per(decode, decoded));
    println!("of that, hashing     {:.2} us an entry", per(hashes, decoded));
}

/// The live case: a frame for each change.
fn one_by_one(author: &Author) {
    let public = author.key.public();
    let signature = author.sign(1);
    let from = author.entries.len() - 2_000;
    let (mut bytes, mut encode, mut decode) = (0, Duration::ZERO, Duration::ZERO);
    for (index, entry) in author.entries.iter().enumerate().skip(from) {
        let resolve = |dossier: &DossierId, hash: &Hash| author.sequence_of(dossier, hash);
        let begun = Instant::now();
        let one = std::slice::from_ref(entry);
        let first = index as u64 + 1;
        let frame = wire::encode_up(&public, author.log, first, one, resolve, &signature).unwrap();
        encode += begun.elapsed();
        bytes += frame.len();
        let begun = Instant::now();
        wire::decode_up(&frame, &public, |sequence| author.change_at(sequence)).unwrap();
        decode += begun.elapsed();
    }
    println!("live frame           {} B", bytes / 2_000);
    println!("live encode, decode  {:.2} us, {:.2} us", per(encode, 2_000), per(decode, 2_000));
}

fn mb(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

fn per(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}
