//! Buckets that edges cut: how many of their rows lie between which edges.
//!
//! Only rows in a bucket with an edge inside are looked at twice, and of ordinary columns those are few. What is kept
//! depends on the rows and the edges alone, not on the order of rows, and adds. It knows nothing of the other buckets;
//! when the resolution changes, it must be told of them.

use super::{Edges, last_of};

/// Marks: as many as there are bits in half a kilobyte.
const MARKS: usize = 1 << 12;

/// Rows in buckets with an edge inside.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cuts {
    edges: Edges,
    /// For each edge: rows of its bucket below it, from the edge before on if that is in the same bucket.
    rows: Vec<u64>,
    marks: Marks,
}

/// Which buckets may have an edge inside: a bit for each, told by the last bits of its number.
#[derive(Clone, Debug, Default, PartialEq)]
struct Marks(Vec<u64>);

impl Marks {
    fn of(places: &[i64], shift: u32) -> Self {
        // An edge where a bucket begins cuts nothing.
        let inside = places.iter().filter(|place| **place >> shift << shift != **place);
        let mut bits = Vec::new();
        for bucket in inside.map(|place| (place >> shift) as usize % MARKS) {
            bits.resize(MARKS / 64, 0);
            bits[bucket / 64] |= 1 << (bucket % 64);
        }
        Self(bits)
    }

    #[inline]
    fn has(bits: &[u64; MARKS / 64], bucket: i64) -> bool {
        let bucket = bucket as usize % MARKS;
        bits[bucket / 64] >> (bucket % 64) & 1 == 1
    }
}

impl Cuts {
    /// No rows yet, on buckets that ignore `shift` bits.
    pub(super) fn new(edges: &Edges, shift: u32) -> Self {
        let places = edges.places();
        Self { edges: edges.clone(), rows: vec![0; places.len()], marks: Marks::of(places, shift) }
    }

    /// The edges.
    pub(super) fn edges(&self) -> &Edges {
        &self.edges
    }

    /// Whether an edge may be inside `bucket`: if not, it is one piece.
    #[inline]
    pub(super) fn may_cut(&self, bucket: i64) -> bool {
        self.marks.0.first_chunk().is_some_and(|bits| Marks::has(bits, bucket))
    }

    /// Counts the rows at `places`.
    #[inline]
    pub(super) fn count(&mut self, places: impl Iterator<Item = i64>, shift: u32) {
        let Self { edges, rows, marks } = self;
        let Some(bits) = marks.0.first_chunk() else { return };
        let edges = edges.places();
        places
            .filter(|place| Marks::has(bits, place >> shift))
            .for_each(|place| add(edges, rows, place, 1, shift));
    }

    /// Counts `count` rows at `place`.
    pub(super) fn add(&mut self, place: i64, count: u64, shift: u32) {
        add(self.edges.places(), &mut self.rows, place, count, shift);
    }

    /// Adds the rows of `other`, which has the same edges on the same buckets.
    pub(super) fn merge(&mut self, other: &Self) {
        self.rows.iter_mut().zip(&other.rows).for_each(|(ours, theirs)| *ours += theirs);
    }

    /// How many rows lie below each edge, of all the rows in `buckets`, which are in order.
    pub(super) fn below(&self, buckets: &[(i64, u64)], shift: u32) -> Vec<u64> {
        let mut buckets = buckets.iter().peekable();
        // Rows of the buckets before, and of those edges before that are in the bucket of the last.
        let (mut before, mut inside, mut last) = (0, 0, None);
        let edges = self.edges.places().iter().zip(&self.rows);
        let mut below = |(place, rows): (&i64, &u64)| {
            let bucket = place >> shift;
            while let Some((_, count)) = buckets.next_if(|known| known.0 < bucket) {
                before += count;
            }
            inside = if last.replace(bucket) == Some(bucket) { inside + rows } else { *rows };
            before + inside
        };
        edges.map(&mut below).collect()
    }

    /// What `below` says of the rows in `buckets`, which are in order and ignore `shift` bits.
    pub(super) fn from_below(edges: &Edges, below: &[u64], buckets: &[(i64, u64)], shift: u32) -> Self {
        let mut cuts = Self::new(edges, shift);
        let mut buckets = buckets.iter().peekable();
        let (mut before, mut edge_before) = (0u64, 0u64);
        for ((place, below), rows) in edges.places().iter().zip(below).zip(&mut cuts.rows) {
            while let Some((_, count)) = buckets.next_if(|known| known.0 < place >> shift) {
                before += count;
            }
            *rows = below.saturating_sub(before.max(edge_before));
            edge_before = *below;
        }
        cuts
    }

    /// The same without the edges that are not in `edges`.
    pub(super) fn only(&self, edges: &Edges, shift: u32) -> Self {
        let mut kept = Self::new(edges, shift);
        let mut carried: Option<(i64, u64)> = None;
        let mut at = 0;
        for (place, rows) in self.edges.places().iter().zip(&self.rows) {
            let bucket = place >> shift;
            let rows = rows + carried.filter(|(of, _)| *of == bucket).map_or(0, |(_, rows)| rows);
            carried = Some((bucket, rows));
            if edges.places().get(at) == Some(place) {
                kept.rows[at] = rows;
                carried = None;
                at += 1;
            }
        }
        kept
    }

    /// The same with all of `edges`: these, and others where buckets begin.
    pub(super) fn with(&self, edges: &Edges, shift: u32) -> Self {
        let mut all = Self::new(edges, shift);
        for (place, rows) in self.edges.places().iter().zip(&self.rows) {
            if let Ok(at) = edges.places().binary_search(place) {
                all.rows[at] = *rows;
            }
        }
        all
    }

    /// The pieces of `bucket`, which has `count` rows: first place, last place, rows. Only those with rows.
    pub(super) fn pieces(
        &self,
        bucket: i64,
        count: u64,
        shift: u32,
    ) -> impl Iterator<Item = (i64, i64, u64)> + '_ {
        let places = self.edges.places();
        let from = places.partition_point(|place| place >> shift < bucket);
        let first = bucket << shift;
        let last = last_of(bucket, shift);
        let inside =
            places[from..].iter().zip(&self.rows[from..]).take_while(move |(place, _)| **place <= last);
        let rest = count.saturating_sub(inside.clone().map(|(_, rows)| rows).sum());
        let ends = inside.map(|(place, rows)| (place - 1, *rows)).chain([(last, rest)]);
        let mut next = first;
        ends.map(move |(end, rows)| (std::mem::replace(&mut next, end + 1), end, rows))
            .filter(|(_, _, rows)| *rows > 0)
    }

    /// Bytes held in memory, besides the value itself. The edges are shared.
    pub(super) fn size(&self) -> usize {
        (self.rows.capacity() + self.marks.0.capacity()) * size_of::<u64>()
    }
}

/// Counts `count` rows at `place`, if an edge above it cuts their bucket.
fn add(edges: &[i64], rows: &mut [u64], place: i64, count: u64, shift: u32) {
    let next = edges.partition_point(|edge| *edge <= place);
    if edges.get(next).is_some_and(|edge| edge >> shift == place >> shift) {
        rows[next] += count;
    }
}
