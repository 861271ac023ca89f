//! Arbitrary bytes never stop the reader, and every record is counted.

use crate::support::{Folder, any_event, lines, scan_files, world};
use proptest::prelude::*;

/// What makes the reader take bytes for one format or another.
const STARTS: &[&[u8]] = &[
    b"",
    b"{",
    b"[{\"eventName\":",
    b"EventName,EventTime,CloudAuditEvent\n",
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    b"\x28\xb5\x2f\xfd",
    b"PK\x03\x04",
    b"\xff\xfe{\x00",
    b"\xef\xbb\xbf{",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn arbitrary_bytes_never_panic(start in prop::sample::select(STARTS), bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let (world, engine) = world("");
        let folder = Folder::new();
        scan_files(&[folder.file("bytes", [start, &bytes].concat())], &world, &engine, 2);
    }

    #[test]
    fn damaged_events_never_panic(
        events in prop::collection::vec(any_event(), 1..6),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let (world, engine) = world("");
        let folder = Folder::new();
        let mut bytes = lines(&events).into_bytes();
        for (place, byte) in damage {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        let outcome = scan_files(&[folder.file("bytes", bytes)], &world, &engine, 2);
        prop_assert!(outcome.events.read + outcome.events.rejected + outcome.files.rejected > 0);
    }
}
