//! Writes the seeds into a folder: `seeds FOLDER` makes `FOLDER/TARGET/NAME`.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: seeds FOLDER")?;
    for seed in mender_fuzz::seeds::all() {
        let place = Path::new(&folder).join(seed.target);
        std::fs::create_dir_all(&place)?;
        std::fs::write(place.join(seed.name), seed.bytes)?;
    }
    Ok(())
}
