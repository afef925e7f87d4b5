//! The state `Rollback`: watches a fleet on its way back.
// The futures of the SDK are nested deeply, and a function holds them all.
#![recursion_limit = "256"]

use lambda_runtime::Error;
use sluice_app::rollback;
use sluice_aws::dynamodb::Table;
use sluice_aws::s3::Bucket;
use sluice_contract::step::Step;
use sluice_lambda::settings::{Setting, Settings};
use sluice_lambda::{logs, now, sdk, step};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init();
    let settings = Settings::from_env();
    let config = sdk::config().await?;
    let table = Table::new(&config, settings.require(Setting::Table)?);
    let blobs = Bucket::new(&config, settings.require(Setting::Bucket)?, settings.path_style());
    let (table, blobs) = (&table, &blobs);
    step::run(|input: Step| async move { rollback::run(table, blobs, &input, now()).await }).await
}
