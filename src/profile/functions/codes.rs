//! A hash table that gives keys small numbers.

/// The code of what has no key.
pub(super) const NULL: u32 = 0;

/// Slots of the smallest table.
const SLOTS_MIN: usize = 256;

/// Codes by key, from 1 on in the order in which keys came.
#[derive(Debug)]
pub(super) struct Codes {
    /// Codes by the hash of their key, [`NULL`] where the slot is free. As many as a power of two.
    slots: Vec<u32>,
    /// Keys by code.
    keys: Vec<u128>,
}

impl Default for Codes {
    fn default() -> Self {
        Self { slots: vec![NULL; SLOTS_MIN], keys: Vec::new() }
    }
}

impl Codes {
    /// Forgets all keys.
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.slots.clear();
        self.slots.resize(SLOTS_MIN, NULL);
    }

    /// How many keys have a code.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The code of `key`, of which `is_same` says so, and whether it is new.
    #[inline]
    pub(super) fn code(&mut self, key: u128, is_same: impl Fn(u32) -> bool) -> (u32, bool) {
        let mut at = home(key, self.slots.len());
        loop {
            match self.slots[at] {
                NULL => return (self.add(key, at), true),
                code if self.keys[code as usize - 1] == key && is_same(code) => return (code, false),
                _ => at = (at + 1) & (self.slots.len() - 1),
            }
        }
    }

    /// Gives `key` the next code, in the free slot `at`.
    fn add(&mut self, key: u128, at: usize) -> u32 {
        self.keys.push(key);
        let code = self.keys.len() as u32;
        self.slots[at] = code;
        if 2 * self.keys.len() > self.slots.len() {
            let slots = 2 * self.slots.len();
            self.slots.clear();
            self.slots.resize(slots, NULL);
            for (code, key) in (1..).zip(&self.keys) {
                let mut at = home(*key, slots);
                while self.slots[at] != NULL {
                    at = (at + 1) & (slots - 1);
                }
                self.slots[at] = code;
            }
        }
        code
    }
}

/// Where the search for `key` begins.
fn home(key: u128, slots: usize) -> usize {
    let product = u128::from(key as u64 ^ 0x9E37_79B9_7F4A_7C15)
        * u128::from((key >> 64) as u64 ^ 0xD6E8_FEB8_6659_FD93);
    ((product >> 64) as u64 ^ product as u64) as usize & (slots - 1)
}
