//! The adapters beside the table, each against a small server that answers as the service would.

mod cloudwatch;
mod routes;
mod served;
mod small;
mod storage;
