//! A layout's `index.json` as it is edited: entries come and go, and of what stays nothing is lost that only others
//! understand (image-spec, considerations.md "Extensibility": unknown keys are no error, and are to be kept).

use std::fmt;

use oci::{Descriptor, Index};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;

use crate::REF_NAME;
use crate::oci_archive::CONTAINERD_NAME;

/// The whole name of an entry: containerd's, of which [`REF_NAME`] may be only the tag, else [`REF_NAME`].
pub(crate) fn called(part: &Descriptor) -> Option<&str> {
    let annotation =
        |key: &str| part.annotations.get(key).map(String::as_str).filter(|name| !name.is_empty());
    annotation(CONTAINERD_NAME).or_else(|| annotation(REF_NAME))
}

/// An index, and the text that it was read from.
#[derive(Debug)]
pub(crate) struct IndexFile {
    index: Index,
    text: Ordered,
}

impl IndexFile {
    /// `bytes` are those that `index` was read from.
    pub(crate) fn new(index: Index, bytes: &[u8]) -> Result<IndexFile, serde_json::Error> {
        Ok(IndexFile { index, text: serde_json::from_slice(bytes)? })
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// Keeps the entries that `keep` is true of; gives how many went.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Descriptor) -> bool) -> usize {
        let kept: Vec<bool> = self.index.manifests.iter().map(keep).collect();
        let mut text = kept.iter();
        self.entries().retain(|_| text.next().copied().unwrap_or(true));
        let mut value = kept.iter();
        self.index.manifests.retain(|_| value.next().copied().unwrap_or(true));
        kept.iter().filter(|kept| !**kept).count()
    }

    pub(crate) fn push(&mut self, part: Descriptor) -> Result<(), serde_json::Error> {
        let text = serde_json::from_slice(&oci::canonical_json(&part))?;
        self.entries().push(text);
        self.index.manifests.push(part);
        Ok(())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        oci::canonical_json(&self.text)
    }

    fn entries(&mut self) -> &mut Vec<Ordered> {
        const KEY: &str = "manifests";
        if !matches!(self.text, Ordered::Map(_)) {
            self.text = Ordered::Map(Vec::new());
        }
        let Ordered::Map(pairs) = &mut self.text else { unreachable!("it was made one") };
        // Of a key that is there twice the last counts, as to who read the index.
        let at = pairs.iter().rposition(|(key, _)| key == KEY).unwrap_or_else(|| {
            pairs.push((KEY.to_owned(), Ordered::List(Vec::new())));
            pairs.len() - 1
        });
        let value = &mut pairs[at].1;
        if !matches!(value, Ordered::List(_)) {
            // `null` is what Go writes for a list without anything in it.
            *value = Ordered::List(Vec::new());
        }
        let Ordered::List(entries) = value else { unreachable!("it was made one") };
        entries
    }
}

/// JSON whose keys stay in their order.
#[derive(Debug, Clone, PartialEq)]
enum Ordered {
    Map(Vec<(String, Ordered)>),
    List(Vec<Ordered>),
    Plain(Value),
}

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Ordered::Map(pairs) => to.collect_map(pairs.iter().map(|(key, value)| (key, value))),
            Ordered::List(values) => to.collect_seq(values),
            Ordered::Plain(value) => value.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Ordered, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Ordered;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Ordered::Map(pairs))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Ordered, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(Ordered::List(values))
            }

            fn visit_unit<E>(self) -> Result<Ordered, E> {
                Ok(Ordered::Plain(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Ordered, E> {
                Ok(Ordered::Plain(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Ordered, E> {
                Ok(Ordered::Plain(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Ordered, E> {
                Ok(Ordered::Plain(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Ordered, E> {
                Ok(Ordered::Plain(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Ordered, E> {
                Ok(Ordered::Plain(value.into()))
            }
        }

        from.deserialize_any(Read)
    }
}

#[cfg(test)]
mod tests {
    use oci::MediaType;

    use super::*;

    fn file(text: &str) -> IndexFile {
        IndexFile::new(serde_json::from_str(text).unwrap(), text.as_bytes()).unwrap()
    }

    #[test]
    fn what_only_others_understand_stays() {
        let digest = oci::Digest::of(b"x");
        let text = format!(
            r#"{{"z":[1,-2,0.5,true,null,"\u00e9\n"],"schemaVersion":2,"manifests":[{{"urls":["u"],"size":1,"data":"eA==","digest":"{digest}","x-own":{{"b":1,"a":2}},"mediaType":"{}","platform":{{"os.features":["f"],"os":"linux","features":["g"],"architecture":"arm"}}}}],"a":{{}}}}"#,
            MediaType::MANIFEST
        );
        let mut index = file(&text);
        let as_it_was = text.replace(r"\u00e9", "é");
        assert_eq!(String::from_utf8(index.bytes()).unwrap(), as_it_was);
        index.push(Descriptor::of(MediaType::INDEX, b"y")).unwrap();
        let own = String::from_utf8(oci::canonical_json(&Descriptor::of(MediaType::INDEX, b"y"))).unwrap();
        let more = as_it_was.replace(r#"}],"a""#, &format!(r#"}},{own}],"a""#));
        assert_eq!(String::from_utf8(index.bytes()).unwrap(), more);
        assert_eq!(index.retain(|part| part.digest == digest), 1);
        assert_eq!(String::from_utf8(index.bytes()).unwrap(), as_it_was);
    }
}
