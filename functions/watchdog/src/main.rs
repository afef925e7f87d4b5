//! Comes round every minute and sets right what nobody else has noticed.
// The futures of the SDK are nested deeply, and a function holds them all.
#![recursion_limit = "256"]

use lambda_runtime::{Error, LambdaEvent, service_fn};
use sluice_app::relay::Outlets;
use sluice_aws::dynamodb::Table;
use sluice_aws::eventbridge::EventBus;
use sluice_aws::sfn::Machines;
use sluice_aws::sns::Topic;
use sluice_lambda::settings::{Setting, Settings};
use sluice_lambda::{logs, sdk};

mod handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init();
    let settings = Settings::from_env();
    let config = sdk::config().await?;
    let table = Table::new(&config, settings.require(Setting::Table)?);
    let outlets = Outlets {
        bus: EventBus::new(&config, settings.require(Setting::Bus)?),
        alerts: Topic::new(&config, settings.require(Setting::TopicArn)?),
        workflows: Machines::new(
            &config,
            settings.require(Setting::UpgradeMachineArn)?,
            settings.require(Setting::RollbackMachineArn)?,
        ),
    };
    let (table, outlets) = (&table, &outlets);
    let handle = |_: LambdaEvent<serde_json::Value>| handler::handle(table, outlets);
    lambda_runtime::run(service_fn(handle)).await
}
