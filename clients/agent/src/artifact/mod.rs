//! Releases on disk: fetched, verified and unpacked before anything that runs is touched.
//!
//! | path under the agent's home | holds |
//! |---|---|
//! | `releases/<version>/` | an unpacked release, complete as soon as it is there |
//! | `manifests/<version>.json` | the release that the folder was unpacked from |
//! | `current` | a link to one of the folders |
//! | `downloads/` | archives on their way; emptied when the agent starts |

mod depot;
mod download;
mod tidy;
mod unpack;

pub use depot::Depot;
pub use download::{Downloader, digest_of_file};
pub use unpack::{Limits, unpack};
