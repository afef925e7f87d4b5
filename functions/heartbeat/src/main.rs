//! Check-ins of instances: `POST /api/v1/fleet/check-in`.
// The futures of the SDK are nested deeply, and a function holds them all.
#![recursion_limit = "256"]

use lambda_runtime::Error;
use sluice_app::heartbeat::Cache;
use sluice_aws::dynamodb::Table;
use sluice_aws::s3::Bucket;
use sluice_lambda::settings::{Setting, Settings};
use sluice_lambda::{http, logs, sdk};

mod handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init();
    let settings = Settings::from_env();
    let config = sdk::config().await?;
    let table = Table::new(&config, settings.require(Setting::Table)?);
    let blobs = Bucket::new(&config, settings.require(Setting::Bucket)?, settings.path_style());
    let cache = Cache::default();
    let (table, blobs, cache) = (&table, &blobs, &cache);
    http::run(|request| async move { handler::handle(table, blobs, cache, &request).await }).await
}
