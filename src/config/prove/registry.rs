//! Where model versions are registered.

use super::{Notes, location};
use crate::config::monitor::{Registry, RegistryPlace};
use crate::config::spec::RegistrySpec;

/// The registry that `spec` describes.
pub fn registry(spec: &RegistrySpec, notes: &mut Notes<'_>) -> Option<Registry> {
    let place = match (&spec.mlflow, &spec.table) {
        (Some(typed), None) => RegistryPlace::MlflowFiles(location(typed, "/registry/mlflow", notes)?),
        (None, Some(typed)) => RegistryPlace::Table(location(typed, "/registry/table", notes)?),
        _ => {
            notes.lacks(
                "/registry",
                &["/registry/mlflow", "/registry/table"],
                "needs exactly one of `mlflow` and `table`",
                "say where model versions are registered",
            );
            return None;
        }
    };
    Some(Registry { place, model: spec.model.clone() })
}
