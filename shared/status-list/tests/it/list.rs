use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_status_list::{
    Bits, EncodedStatusList, ListError, MAX_LIST_BYTES, Status, StatusList, UnknownStatusError,
};
use proptest::prelude::*;
use serde::Deserialize;

fn encoded(bits: u8, lst: &str) -> EncodedStatusList {
    EncodedStatusList {
        bits,
        lst: lst.to_owned(),
    }
}

fn zlib(compressed: &[u8]) -> EncodedStatusList {
    encoded(1, &URL_SAFE_NO_PAD.encode(compressed))
}

#[test]
fn entries_are_packed_from_the_least_significant_bit() {
    // draft-20 §4.1: 1 bit, 16 entries.
    let statuses = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1_u8];
    let mut list = StatusList::new(Bits::One, 16);
    for (index, status) in (0..).zip(statuses) {
        list.set(index, status).unwrap();
    }
    assert_eq!(list.as_bytes(), [0xb9, 0xa3]);

    // draft-20 §4.1: 2 bits, 12 entries.
    let statuses = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3_u8];
    let mut list = StatusList::new(Bits::Two, 12);
    for (index, status) in (0..).zip(statuses) {
        list.set(index, status).unwrap();
    }
    assert_eq!(list.as_bytes(), [0xc9, 0x44, 0xf9]);
}

#[test]
fn the_examples_of_the_specification_are_read() {
    // draft-20 §4.2; in hexadecimal 78dadbb918000217015d.
    let list = StatusList::decode(&encoded(1, "eNrbuRgAAhcBXQ")).unwrap();
    assert_eq!(list.as_bytes(), [0xb9, 0xa3]);

    let list = StatusList::decode(&encoded(2, "eNo76fITAAPfAgc")).unwrap();
    assert_eq!(list.as_bytes(), [0xc9, 0x44, 0xf9]);
}

#[derive(Deserialize)]
struct TestVectors {
    lists: Vec<TestVector>,
}

#[derive(Deserialize)]
struct TestVector {
    bits: u8,
    lst: String,
    entries: Vec<(u64, u8)>,
}

#[test]
fn the_test_vectors_of_the_specification_are_read_and_written() {
    let vectors = include_str!("../fixtures/draft-20-test-vectors.json");
    let vectors: TestVectors = serde_json::from_str(vectors).unwrap();
    assert_eq!(vectors.lists.len(), 4);
    for vector in vectors.lists {
        let bits = Bits::from_repr(vector.bits).unwrap();
        let mut list = StatusList::new(bits, 1 << 20);
        for &(index, status) in &vector.entries {
            list.set(index, status).unwrap();
        }

        let published = StatusList::decode(&encoded(vector.bits, &vector.lst)).unwrap();
        assert_eq!(published, list, "{} bits", vector.bits);
        assert_eq!(published.entries(), 1 << 20);
        let republished = StatusList::decode(&list.encode().unwrap()).unwrap();
        assert_eq!(republished, list, "{} bits", vector.bits);
    }
}

#[test]
fn a_list_is_published_with_zlib_in_base64url() {
    let encoded = StatusList::new(Bits::Two, 1 << 17).encode().unwrap();

    assert_eq!(encoded.bits, 2);
    let compressed = URL_SAFE_NO_PAD.decode(&encoded.lst).unwrap();
    // RFC 1950 §2.2: deflate with a window of 32 KiB; the two bytes are a multiple of 31.
    assert_eq!(compressed[0], 0x78);
    assert_eq!(u16::from_be_bytes([compressed[0], compressed[1]]) % 31, 0);
    assert!(
        compressed.len() < 256,
        "an unused list is tiny: {}",
        compressed.len()
    );
    assert_eq!(
        serde_json::to_value(&encoded).unwrap(),
        serde_json::json!({"bits": 2, "lst": encoded.lst})
    );
}

#[test]
fn a_million_entries_stay_small() {
    let mut list = StatusList::new(Bits::One, 1 << 20);
    // Every fiftieth credential is revoked, at places without a pattern.
    for number in 0..(1_u64 << 20) / 50 {
        list.set(
            number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44,
            Status::Invalid,
        )
        .unwrap();
    }

    let encoded = list.encode().unwrap();

    // draft-20 App. B: 1 million entries with 2 % revoked take about 24 kB at the highest level.
    assert!(encoded.lst.len() < 40_000, "{}", encoded.lst.len());
    assert_eq!(StatusList::decode(&encoded).unwrap(), list);
}

#[test]
fn an_index_outside_of_the_list_is_an_error() {
    let mut list = StatusList::new(Bits::Two, 5);

    assert_eq!(list.entries(), 8, "entries fill whole bytes");
    assert_eq!(list.get(7), Some(0));
    for index in [8, 9, u64::from(u32::MAX) + 1, u64::MAX] {
        assert_eq!(list.get(index), None);
        assert_eq!(list.set(index, Status::Invalid), Err(ListError::Index));
    }
    assert_eq!(StatusList::new(Bits::One, 0).get(0), None);
}

#[test]
fn a_value_must_fit_into_the_entry() {
    for (bits, too_large) in [(Bits::One, 2), (Bits::Two, 4), (Bits::Four, 16_u8)] {
        let mut list = StatusList::new(bits, 8);
        assert_eq!(list.set(3, too_large), Err(ListError::Value));
        list.set(3, too_large - 1).unwrap();
        assert_eq!(list.get(3), Some(too_large - 1));
    }
    assert_eq!(
        StatusList::new(Bits::One, 8).set(0, Status::Suspended),
        Err(ListError::Value)
    );
}

#[test]
fn status_values_are_those_of_the_specification() {
    for (status, value) in [
        (Status::Valid, 0),
        (Status::Invalid, 1),
        (Status::Suspended, 2_u8),
    ] {
        assert_eq!(u8::from(status), value);
        assert_eq!(Status::try_from(value), Ok(status));
    }
    for unknown in 3..=u8::MAX {
        assert_eq!(Status::try_from(unknown), Err(UnknownStatusError(unknown)));
    }
}

#[test]
fn what_is_not_a_list_is_refused() {
    let refusal = |encoded: &EncodedStatusList| StatusList::decode(encoded).unwrap_err();
    for bits in [0, 3, 5, 16, 255] {
        assert_eq!(refusal(&encoded(bits, "eNrbuRgAAhcBXQ")), ListError::Bits);
    }
    assert_eq!(refusal(&encoded(1, "eNrbuRgAAhcBXQ==")), ListError::Base64);
    assert_eq!(refusal(&encoded(1, "eNrbuRgAAhcBXQ\n")), ListError::Base64);
    assert_eq!(refusal(&encoded(1, "")), ListError::Zlib);

    let valid = URL_SAFE_NO_PAD.decode("eNrbuRgAAhcBXQ").unwrap();
    for length in 0..valid.len() {
        assert_eq!(
            refusal(&zlib(&valid[..length])),
            ListError::Zlib,
            "cut to {length}"
        );
    }
    let mut bad_checksum = valid.clone();
    *bad_checksum.last_mut().unwrap() ^= 1;
    assert_eq!(refusal(&zlib(&bad_checksum)), ListError::Zlib);
    assert_eq!(
        refusal(&zlib(&[&valid[..], &[0]].concat())),
        ListError::Zlib,
        "bytes after the end"
    );
    // The same bytes without zlib's frame, and in gzip's, which Bitstring Status List uses.
    assert_eq!(refusal(&zlib(&valid[2..valid.len() - 4])), ListError::Zlib);
    assert_eq!(
        refusal(&zlib(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])),
        ListError::Zlib
    );
}

#[test]
fn a_compression_bomb_is_refused() {
    let largest = StatusList::new(Bits::Eight, MAX_LIST_BYTES);
    let bomb = StatusList::new(Bits::Eight, MAX_LIST_BYTES + 1)
        .encode()
        .unwrap();

    assert!(bomb.lst.len() < MAX_LIST_BYTES / 100);
    assert_eq!(StatusList::decode(&bomb), Err(ListError::TooLarge));
    assert_eq!(
        StatusList::decode(&largest.encode().unwrap()).unwrap(),
        largest
    );
}

fn any_bits() -> impl Strategy<Value = Bits> {
    prop_oneof![
        Just(Bits::One),
        Just(Bits::Two),
        Just(Bits::Four),
        Just(Bits::Eight)
    ]
}

proptest! {
    #[test]
    fn an_entry_holds_what_was_set_last_and_no_other_changes(
        bits in any_bits(),
        changes in proptest::collection::vec((0_u64..100, any::<u8>()), 1..60),
    ) {
        let mut list = StatusList::new(bits, 100);
        let mut expected = vec![0_u8; list.entries()];
        for (index, value) in changes {
            let value = value & bits.max_value();
            list.set(index, value).unwrap();
            expected[usize::try_from(index).unwrap()] = value;
        }
        for (index, value) in (0..).zip(expected) {
            prop_assert_eq!(list.get(index), Some(value));
        }
    }

    #[test]
    fn every_list_survives_its_encoding(
        bits in any_bits(),
        values in proptest::collection::vec(any::<u8>(), 0..4_096),
    ) {
        let mut list = StatusList::new(bits, values.len());
        for (index, value) in (0..).zip(values) {
            list.set(index, value & bits.max_value()).unwrap();
        }
        prop_assert_eq!(StatusList::decode(&list.encode().unwrap()).unwrap(), list);
    }

    #[test]
    fn the_size_covers_every_entry(bits in any_bits(), entries in 0_usize..10_000) {
        let list = StatusList::new(bits, entries);
        prop_assert!(list.entries() >= entries);
        prop_assert!(list.entries() < entries + 8);
        prop_assert_eq!(list.as_bytes().len() * 8, list.entries() * usize::from(bits.get()));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = StatusList::decode(&zlib(&[&[0x78, 0xda][..], &bytes].concat()));
    }
}
