//! vm
fn main(){}
