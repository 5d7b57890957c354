//! Native: the validator against serde_json, simd-json and sonic-rs, line by line over the same files.
//! `npm run bench` writes the files and says where they are in `EDGEBATCH_CORPUS`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use edgebatch::{Limits, Rules, Validator};
use std::hint::black_box;

fn validate(criterion: &mut Criterion) {
    let folder = std::env::var("EDGEBATCH_CORPUS").expect("EDGEBATCH_CORPUS: run `npm run bench`");
    for shape in ["chat", "english", "raw_unicode", "tiny"] {
        let bytes = std::fs::read(format!("{folder}/{shape}.jsonl")).unwrap();
        let lines = || bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let mut group = criterion.benchmark_group(shape);
        group.throughput(Throughput::Bytes(bytes.len() as u64)).sample_size(10);
        group.bench_function("edgebatch", |b| {
            b.iter(|| {
                let limits = Limits { max_requests: u64::MAX, max_file_bytes: u64::MAX, ..Limits::default() };
                let mut validator = Validator::new(Rules { limits, ..Rules::new("/v1/chat/completions") });
                for chunk in bytes.chunks(256 << 10) {
                    let _ = validator.push(chunk, &mut |_| {});
                }
                let _ = validator.finish(&mut |_| {});
                assert_eq!(validator.report().error_count, 0);
            });
        });
        group.bench_function("serde_json, values ignored", |b| b.iter(|| edgebatch_rivals::ignored(&bytes)));
        group.bench_function("serde_json, values built", |b| b.iter(|| edgebatch_rivals::values(&bytes)));
        group.bench_function("simd-json, tape", |b| {
            let mut buffers = simd_json::Buffers::default();
            let mut copy = Vec::new();
            b.iter(|| {
                for line in lines() {
                    // It parses in place, so it must be given a copy.
                    copy.clear();
                    copy.extend_from_slice(line);
                    black_box(simd_json::to_tape_with_buffers(&mut copy, &mut buffers).unwrap());
                }
            });
        });
        group.bench_function("sonic-rs, values built", |b| {
            b.iter(|| lines().for_each(|line| drop(black_box(sonic_rs::from_slice::<sonic_rs::Value>(line).unwrap()))))
        });
        group.finish();
    }
}

criterion_group!(benches, validate);
criterion_main!(benches);
