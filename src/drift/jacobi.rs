//! Eigenvalues and eigenvectors of a small symmetric matrix, by Jacobi's cyclic method.
//!
//! Rotations in an order that does not depend on the values, in additions, multiplications, divisions and roots only,
//! which are the same on every machine: so are the results, bit by bit. Right to some 14 digits of the largest
//! eigenvalue; a library that chooses its kernel by the processor does not promise as much. Eigenvectors of equal
//! eigenvalues are any basis of their space: what is computed of them must not depend on which.
//!
//! **Source** Golub & Van Loan, *Matrix Computations*, 4th edition, section 8.5.

/// Sweeps after which a matrix would be given up; six to ten are needed for 32 columns.
const MAX_SWEEPS: usize = 64;

/// What is left beside the diagonal is nothing to the matrix.
const NOTHING: f64 = 1e-18;

/// Parts of an eigenvector that are as large as the largest but for rounding.
const AS_LARGE: f64 = 1.0 - 1e-9;

/// Eigenvalues, and the eigenvectors in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigen {
    /// The largest first.
    pub values: Vec<f64>,
    /// Of each eigenvalue the vector: of length 1, and its largest part is positive (of equally large ones the
    /// first).
    pub vectors: Vec<Vec<f64>>,
}

/// The eigenvalues and eigenvectors of `matrix`, of which the upper triangle is read. `None` if it is not square, or
/// if some of it is infinite or NaN.
pub fn eigen(matrix: &[Vec<f64>]) -> Option<Eigen> {
    let size = matrix.len();
    let is_matrix = matrix.iter().all(|row| row.len() == size && row.iter().all(|value| value.is_finite()));
    if !is_matrix {
        return None;
    }
    // Of unit size, so that no square is beyond a double.
    let largest = matrix.iter().flatten().fold(0.0, |max: f64, value| max.max(value.abs()));
    let unit = if largest > 0.0 { largest } else { 1.0 };
    let mut matrix: Vec<Vec<f64>> =
        (0..size).map(|i| (0..size).map(|j| matrix[i.min(j)][i.max(j)] / unit).collect()).collect();
    // Rows that become the eigenvectors.
    let mut vectors: Vec<Vec<f64>> =
        (0..size).map(|i| (0..size).map(|j| if i == j { 1.0 } else { 0.0 }).collect()).collect();
    let norm: f64 = matrix.iter().flatten().map(|value| value * value).sum::<f64>().sqrt();
    for sweep in 0.. {
        let mut is_diagonal = true;
        for p in 0..size {
            for q in p + 1..size {
                if matrix[p][q].abs() > NOTHING * norm {
                    is_diagonal = false;
                    rotate(&mut matrix, &mut vectors, p, q);
                }
            }
        }
        if is_diagonal {
            break;
        }
        if sweep == MAX_SWEEPS {
            return None;
        }
    }
    let mut pairs: Vec<(f64, Vec<f64>)> =
        vectors.into_iter().enumerate().map(|(i, vector)| (matrix[i][i] * unit, upright(vector))).collect();
    // Equal ones stay in the order of columns.
    pairs.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let (values, vectors) = pairs.into_iter().unzip();
    Some(Eigen { values, vectors })
}

/// Turns the plane of `p` and `q` so that nothing is left between them.
fn rotate(matrix: &mut [Vec<f64>], vectors: &mut [Vec<f64>], p: usize, q: usize) {
    let (between, of_p, of_q) = (matrix[p][q], matrix[p][p], matrix[q][q]);
    let ratio = (of_q - of_p) / (2.0 * between);
    // The smaller of the two angles.
    let tangent = ratio.signum() / (ratio.abs() + (1.0 + ratio * ratio).sqrt());
    let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
    let sine = tangent * cosine;
    for k in 0..matrix.len() {
        if k != p && k != q {
            let (a, b) = (matrix[k][p], matrix[k][q]);
            matrix[k][p] = cosine * a - sine * b;
            matrix[k][q] = sine * a + cosine * b;
            matrix[p][k] = matrix[k][p];
            matrix[q][k] = matrix[k][q];
        }
        let (a, b) = (vectors[p][k], vectors[q][k]);
        vectors[p][k] = cosine * a - sine * b;
        vectors[q][k] = sine * a + cosine * b;
    }
    matrix[p][p] = of_p - tangent * between;
    matrix[q][q] = of_q + tangent * between;
    matrix[p][q] = 0.0;
    matrix[q][p] = 0.0;
}

/// `vector` or its opposite: that whose largest part is positive.
fn upright(vector: Vec<f64>) -> Vec<f64> {
    let largest = vector.iter().fold(0.0, |max: f64, part| max.max(part.abs()));
    let first = vector.iter().find(|part| part.abs() >= AS_LARGE * largest);
    // −0 becomes 0.
    match first {
        Some(part) if *part < 0.0 => vector.into_iter().map(|part| 0.0 - part).collect(),
        _ => vector.into_iter().map(|part| part + 0.0).collect(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Case {
        name: String,
        /// The upper triangle, row by row.
        upper: Vec<f64>,
        values: Vec<f64>,
        /// Absent where eigenvalues are equal: then a basis is as good as another.
        vectors: Option<Vec<Vec<f64>>>,
    }

    fn symmetric(size: usize, upper: &[f64]) -> Vec<Vec<f64>> {
        let mut matrix = vec![vec![0.0; size]; size];
        let pairs = (0..size).flat_map(|i| (i..size).map(move |j| (i, j)));
        for ((i, j), value) in pairs.zip(upper) {
            matrix[i][j] = *value;
            matrix[j][i] = *value;
        }
        matrix
    }

    #[test]
    fn numpy_says_the_same() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/oracle/eigen.json")).unwrap();
        assert_eq!(cases.len(), 9, "the file has another number of cases; say so here, too");
        for Case { name, upper, values, vectors } in cases {
            let ours = eigen(&symmetric(values.len(), &upper)).unwrap();
            let unit = values.iter().fold(0.0, |max: f64, value| max.max(value.abs()));
            for (ours, theirs) in ours.values.iter().zip(&values) {
                assert!((ours - theirs).abs() <= 1e-13 * unit, "{name}: {ours}, the oracle says {theirs}");
            }
            for (ours, theirs) in ours.vectors.iter().zip(vectors.iter().flatten()) {
                let apart = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(apart <= 1e-9, "{name}: {ours:?}, the oracle says {theirs:?}");
            }
        }
    }

    #[test]
    fn what_is_diagonal_is_sorted() {
        let found = eigen(&symmetric(3, &[1.0, 0.0, 0.0, 3.0, 0.0, -2.0])).unwrap();
        assert_eq!(found.values, [3.0, 1.0, -2.0]);
        assert_eq!(found.vectors, [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
        assert_eq!(eigen(&symmetric(2, &[0.0; 3])).unwrap().values, [0.0, 0.0]);
        assert_eq!(eigen(&[]).unwrap().values, [0.0; 0]);
    }

    #[test]
    fn a_vector_points_where_its_largest_part_is_positive() {
        let found = eigen(&symmetric(2, &[1.0, -0.5, 1.0])).unwrap();
        let half = 0.5f64.sqrt();
        for (vector, expected) in found.vectors.iter().zip([[half, -half], [half, half]]) {
            assert!(vector.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{vector:?}");
        }
    }

    #[test]
    fn size_does_not_matter() {
        for unit in [1e-300, 1e300] {
            let found = eigen(&symmetric(2, &[2.0 * unit, unit, 2.0 * unit])).unwrap();
            assert!(
                (found.values[0] / unit - 3.0).abs() < 1e-14 && (found.values[1] / unit - 1.0).abs() < 1e-14
            );
        }
    }

    #[test]
    fn what_is_no_matrix_has_none() {
        assert_eq!(eigen(&[vec![1.0, 2.0]]), None);
        assert_eq!(eigen(&symmetric(2, &[1.0, f64::NAN, 1.0])), None);
        assert_eq!(eigen(&symmetric(2, &[1.0, 0.0, f64::INFINITY])), None);
    }

    fn matrix() -> impl Strategy<Value = Vec<Vec<f64>>> {
        let of = |size: usize| {
            let part = prop_oneof![3 => -1.0..1.0f64, 1 => Just(0.0), 1 => Just(1.0), 1 => -1e-9..1e-9f64];
            prop::collection::vec(part, size * (size + 1) / 2).prop_map(move |upper| symmetric(size, &upper))
        };
        (1usize..=32).prop_flat_map(of)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn vectors_are_a_basis_in_which_the_matrix_only_stretches(matrix in matrix()) {
            let Eigen { values, vectors } = eigen(&matrix).unwrap();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            for (k, (value, vector)) in values.iter().zip(&vectors).enumerate() {
                for (row, part) in matrix.iter().zip(vector) {
                    prop_assert!((dot(row, vector) - value * part).abs() < 1e-12);
                }
                for (other, beside) in vectors.iter().enumerate() {
                    let expected = if other == k { 1.0 } else { 0.0 };
                    prop_assert!((dot(vector, beside) - expected).abs() < 1e-13);
                }
            }
            prop_assert!(values.is_sorted_by(|a, b| a >= b));
            let trace: f64 = (0..matrix.len()).map(|i| matrix[i][i]).sum();
            prop_assert!((values.iter().sum::<f64>() - trace).abs() < 1e-12);
        }
    }
}
