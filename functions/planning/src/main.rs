//! The state `Planning`: checks before the first move, the checkpoint, and the taking of the channel.
// The futures of the SDK are nested deeply, and a function holds them all.
#![recursion_limit = "256"]

use lambda_runtime::Error;
use sluice_app::planning;
use sluice_aws::cloudwatch::CloudWatch;
use sluice_aws::dynamodb::Table;
use sluice_aws::s3::Bucket;
use sluice_contract::step::Start;
use sluice_lambda::settings::{Setting, Settings};
use sluice_lambda::{logs, now, sdk, step};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init();
    let settings = Settings::from_env();
    let config = sdk::config().await?;
    let table = Table::new(&config, settings.require(Setting::Table)?);
    let blobs = Bucket::new(&config, settings.require(Setting::Bucket)?, settings.path_style());
    let metrics = CloudWatch::new(&config);
    let (table, blobs, metrics) = (&table, &blobs, &metrics);
    step::run(|input: Start| async move { planning::run(table, blobs, metrics, &input, now()).await }).await
}
