//! New migrations must be seen by `sqlx::migrate!`, which cannot watch a folder itself.
fn main() {
    println!("cargo:rerun-if-changed=../migrations/sync");
}
