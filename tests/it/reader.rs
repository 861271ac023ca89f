//! Arbitrary bytes never stop the reader, and every record is counted.

use crate::support::{Folder, any_event, lines, scan_files, world};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let (world, engine) = world("");
        let folder = Folder::new();
        scan_files(&[folder.file("bytes", bytes)], &world, &engine, 2);
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
