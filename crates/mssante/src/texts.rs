//! One macro for values that are text with a proof: written as text, read back through their own parser.
//!
//! May use: serde. Must never touch: anything that is not a conversion.

/// Gives `$type`, which has `parse(&str)` and `Display`, its `FromStr` and its serde form (a string).
macro_rules! text_value {
    ($type:ty, $error:ty, $read:path) => {
        impl std::str::FromStr for $type {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                $read(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use text_value;
