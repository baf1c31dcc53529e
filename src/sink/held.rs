//! Held rows: those that lack what is known once all others are there.
//!
//! They wait in the order in which they came: in memory as long as there are few, beyond in a file that has no name and goes
//! with the process.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek};

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

/// Bytes of rows that are held in memory.
const HELD_MAX: usize = 32 << 20;

/// Rows that are held, all of one schema.
#[derive(Default)]
pub(super) struct Held {
    parked: Option<StreamWriter<BufWriter<File>>>,
    /// Those after them.
    waiting: Vec<RecordBatch>,
    waiting_bytes: usize,
}

impl Held {
    /// Holds `batch`, too.
    ///
    /// # Errors
    /// If there is no room on the disk.
    pub(super) fn add(&mut self, batch: RecordBatch) -> Result<(), ArrowError> {
        self.waiting_bytes += batch.get_array_memory_size();
        self.waiting.push(batch);
        if self.waiting_bytes <= HELD_MAX {
            return Ok(());
        }
        self.waiting_bytes = 0;
        for batch in self.waiting.drain(..) {
            let parked = match self.parked.take() {
                Some(parked) => parked,
                None => StreamWriter::try_new_buffered(tempfile::tempfile()?, &batch.schema())?,
            };
            self.parked.insert(parked).write(&batch)?;
        }
        Ok(())
    }

    /// What is held, in order.
    ///
    /// # Errors
    /// If it cannot be read any more.
    pub(super) fn release(self) -> Result<impl Iterator<Item = Result<RecordBatch, ArrowError>>, ArrowError> {
        let parked = match self.parked {
            None => None,
            Some(parked) => {
                // The end is marked, and what is buffered written.
                let mut file =
                    parked.into_inner()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
                file.rewind()?;
                Some(StreamReader::try_new(BufReader::new(file), None)?)
            }
        };
        Ok(parked.into_iter().flatten().chain(self.waiting.into_iter().map(Ok)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::array::{AsArray, Int64Array, StringArray};
    use arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn rows_come_back_in_order_from_memory_and_from_the_disk() {
        for batches in [0, 1, 3, 40] {
            let mut held = Held::default();
            for place in 0..batches {
                let texts = StringArray::from(vec!["a text of some length"; 40_000]);
                let places = Int64Array::from(vec![place; 40_000]);
                let columns = [("text", Arc::new(texts) as _), ("place", Arc::new(places) as _)];
                held.add(RecordBatch::try_from_iter(columns).unwrap()).unwrap();
            }
            assert_eq!(held.parked.is_some(), batches == 40, "{batches}");
            let released = held.release().unwrap().map(|batch| batch.unwrap());
            let places = released.map(|batch| {
                assert_eq!(batch.num_rows(), 40_000);
                batch.column(1).as_primitive::<Int64Type>().value(0)
            });
            assert_eq!(places.collect::<Vec<_>>(), (0..batches).collect::<Vec<_>>());
        }
    }
}
