//! Gradient-boosted regression trees over bins.
//!
//! Friedman's least-squares boosting: each tree learns what the ones before it left over. A tree is grown by smartcore's
//! `DecisionTreeRegressor`, which tries every split of every bin in one thread; it looks at the inputs in a random order, which
//! decides between splits that are equally good and is the same each time. So the same rows in the same order make the same trees.
//! They are copied into [our own](Node), so that what is stored does not change with the crate, and a stored model says the
//! same for ever.

use serde::{Deserialize, Serialize};
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::tree::decision_tree_regressor::{DecisionTreeRegressor, DecisionTreeRegressorParameters};

/// Trees of a regressor.
pub const TREES: usize = 100;

/// Share of what a tree says that counts.
pub const LEARNING_RATE: f64 = 0.1;

/// Levels of splits of a tree.
pub const DEPTH: u16 = 5;

/// Fewest rows of training in a leaf.
pub const MIN_ROWS_A_LEAF: usize = 20;

/// What is to be learnt.
#[derive(Debug)]
pub struct Target {
    /// A power of two; that many units are 1 in `values`.
    unit: f64,
    /// Mean of `values`.
    mean: f64,
    /// Less than 2 each, so that their squares stay within a double.
    values: Vec<f64>,
}

/// A regressor of losses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trees {
    /// What losses are multiples of.
    unit: f64,
    /// The mean of training, in units, to which the trees add.
    base: f64,
    trees: Vec<Vec<Node>>,
}

/// A node of a tree. A tree's nodes stand in a row, each before what is below it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Node {
    /// What the tree adds, in units. Seven digits are plenty for an estimate.
    Leaf(f32),
    /// Where to go on.
    Split {
        /// Which input decides.
        input: u16,
        /// Bins up to this one go on at the next node, others at `right`.
        bin: u8,
        /// Place of a node in the row.
        right: u8,
    },
}

/// What is read of the crate's regressor.
#[derive(Deserialize)]
struct Regressor {
    tree_regressor: Grown,
}

/// What is read of the crate's tree. The first node is the root.
#[derive(Deserialize)]
struct Grown {
    nodes: Vec<GrownNode>,
}

/// What is read of a node of the crate's. One without children is a leaf.
#[derive(Deserialize)]
struct GrownNode {
    output: f64,
    split_feature: u64,
    split_value: Option<f64>,
    true_child: Option<usize>,
    false_child: Option<usize>,
}

impl Target {
    /// Losses, which are finite and not negative.
    pub fn of(mut values: Vec<f64>) -> Self {
        let largest = values.iter().copied().fold(0.0, f64::max);
        // Without its digits a double is a power of two; dividing by one rounds nothing.
        let power = f64::from_bits(largest.to_bits() & f64::INFINITY.to_bits());
        let unit = if power > 0.0 { power } else { 1.0 };
        values.iter_mut().for_each(|value| *value /= unit);
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        Self { unit, mean, values }
    }
}

impl Trees {
    /// Grows trees from the bins of each row, row after row. `None` if the crate fails.
    pub fn grown(bins: &[u8], target: &Target) -> Option<Self> {
        let rows = target.values.len();
        let width = bins.len().checked_div(rows)?;
        let matrix = DenseMatrix::new(rows, width, bins.to_vec(), false).ok()?;
        let parameters = DecisionTreeRegressorParameters {
            // It counts levels of nodes.
            max_depth: Some(DEPTH + 1),
            min_samples_leaf: MIN_ROWS_A_LEAF,
            min_samples_split: 2 * MIN_ROWS_A_LEAF,
            seed: Some(0),
        };
        let mut left_over: Vec<f64> = target.values.iter().map(|value| value - target.mean).collect();
        let mut trees = Vec::with_capacity(TREES);
        for _ in 0..TREES {
            let regressor = DecisionTreeRegressor::fit(&matrix, &left_over, parameters.clone()).ok()?;
            // Its fields are private, but written.
            let Regressor { tree_regressor } =
                serde_json::from_value(serde_json::to_value(&regressor).ok()?).ok()?;
            let mut tree = Vec::new();
            tree_regressor.write(0, DEPTH, &mut tree)?;
            for (value, bins) in left_over.iter_mut().zip(bins.chunks_exact(width)) {
                *value -= f64::from(leaf(&tree, bins));
            }
            trees.push(tree);
        }
        Some(Self { unit: target.unit, base: target.mean, trees })
    }

    /// The loss of a row whose values are in these bins; not negative.
    pub fn loss(&self, bins: &[u8]) -> f64 {
        let added: f64 = self.trees.iter().map(|tree| f64::from(leaf(tree, bins))).sum();
        self.unit * (self.base + added).max(0.0)
    }

    /// Whether they are trees over inputs of that many cuts.
    pub fn fit(&self, cuts: &[usize]) -> bool {
        let fits = |tree: &[Node], at: usize| match tree[at] {
            Node::Leaf(value) => value.is_finite(),
            Node::Split { input, bin, right } => {
                let has_cut = cuts.get(usize::from(input)).is_some_and(|cuts| usize::from(bin) < *cuts);
                has_cut && at + 1 < usize::from(right) && usize::from(right) < tree.len()
            }
        };
        let is_tree = |tree: &Vec<Node>| !tree.is_empty() && (0..tree.len()).all(|at| fits(tree, at));
        let is_loss = |value: f64| value.is_finite() && value >= 0.0;
        is_loss(self.unit) && self.unit.is_normal() && is_loss(self.base) && self.trees.iter().all(is_tree)
    }
}

/// What a tree says of a row.
fn leaf(tree: &[Node], bins: &[u8]) -> f32 {
    match tree[place(tree, bins)] {
        Node::Leaf(value) => value,
        Node::Split { .. } => 0.0,
    }
}

/// Which leaf a row comes to: each step goes on to a later node, so that there is an end.
fn place(tree: &[Node], bins: &[u8]) -> usize {
    let mut at = 0;
    while let Node::Split { input, bin, right } = tree[at] {
        at = if bins[usize::from(input)] <= bin { at + 1 } else { usize::from(right) };
    }
    at
}

impl Grown {
    /// Writes a node and what is below it, at most that many levels. `None` if it is no tree of ours.
    fn write(&self, at: usize, levels: u16, nodes: &mut Vec<Node>) -> Option<()> {
        let node = self.nodes.get(at)?;
        let (Some(left), Some(right), Some(threshold)) =
            (node.true_child, node.false_child, node.split_value)
        else {
            nodes.push(Node::Leaf((LEARNING_RATE * node.output) as f32));
            return Some(());
        };
        let levels = levels.checked_sub(1)?;
        let place = nodes.len();
        nodes.push(Node::Leaf(0.0));
        self.write(left, levels, nodes)?;
        nodes[place] = Node::Split {
            input: u16::try_from(node.split_feature).ok()?,
            // Between two bins, or in the middle of some that no row here is in.
            bin: threshold as u8,
            right: u8::try_from(nodes.len()).ok()?,
        };
        self.write(right, levels, nodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The crate's count of levels is not ours: it would not tell.
    #[test]
    fn trees_have_as_many_levels_and_leaves_as_are_asked_for() {
        let bins: Vec<u8> = (0..=u8::MAX).flat_map(|bin| [bin; 4]).collect();
        let values = bins.iter().map(|bin| f64::from(*bin)).collect();
        let Some(trees) = Trees::grown(&bins, &Target::of(values)) else { panic!("no trees") };
        assert_eq!(trees.trees.len(), TREES);
        let leaves = |tree: &Vec<Node>| tree.iter().filter(|node| matches!(node, Node::Leaf(_))).count();
        assert_eq!(trees.trees.iter().map(leaves).max(), Some(1 << DEPTH));
        for tree in &trees.trees {
            let mut rows = vec![0; tree.len()];
            bins.chunks(1).for_each(|bins| rows[place(tree, bins)] += 1);
            assert!(rows.iter().all(|rows| *rows == 0 || *rows >= MIN_ROWS_A_LEAF), "{rows:?}");
        }
        let furthest = bins.chunks(1).map(|bins| (trees.loss(bins) - f64::from(bins[0])).abs());
        assert!(furthest.fold(0.0, f64::max) < 3.0);
    }
}
