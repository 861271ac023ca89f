//! Arbitrary bytes through everything between a file and its events: run with
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz reader`.
#![no_main]

use akguard::event::id::event_key;
use akguard::event::time::parse_event_time;
use akguard::ingest::framer::{Buffers, Chunk, Framer};
use akguard::ingest::scratch::Scratch;
use akguard::ingest::unwrap::unwrap_record;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut sink = |chunk: Chunk| {
        let scratch = Scratch::default();
        for span in &chunk.spans {
            let text = String::from_utf8_lossy(&chunk.bytes[span.start..span.end]);
            unwrap_record(scratch.texts().alloc_str(&text), &scratch, &mut |found| {
                if let Ok(event) = found {
                    let _ = (event_key(&event), parse_event_time(event.time, 28_800));
                }
            });
        }
        true
    };
    Framer::new(0, &Buffers::default()).run(&mut &bytes[..], &mut sink);
});
