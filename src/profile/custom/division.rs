//! Division as Spark has it: of two whole numbers, too, it gives a fraction.
//!
//! DataFusion's `3 / 2` is 1. A definition that was written for Spark, such as `sum(…) / count(*)`, would then be
//! 0 in silence.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator, cast};

/// `expression` over rows of `schema`, where `/` gives a fraction.
///
/// # Errors
/// If a part of it has no type.
pub(super) fn with_fractions(expression: Expr, schema: &DFSchema) -> Result<Expr> {
    let fraction = |part: Expr| match part {
        Expr::BinaryExpr(mut division) if division.op == Operator::Divide => {
            let is_whole = |side: &Expr| {
                Ok::<_, datafusion::error::DataFusionError>(side.get_type(schema)?.is_integer())
            };
            if is_whole(&division.left)? && is_whole(&division.right)? {
                division.left = Box::new(cast(*division.left, DataType::Float64));
                return Ok(Transformed::yes(Expr::BinaryExpr(division)));
            }
            Ok(Transformed::no(Expr::BinaryExpr(division)))
        }
        part => Ok(Transformed::no(part)),
    };
    expression.transform_up(fraction).map(|transformed| transformed.data)
}
