//! The connection, and the tables.

use super::error::StoreError;
use sqlx_core::connection::{ConnectOptions, Connection};
use sqlx_core::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx_core::query_scalar::query_scalar;
use sqlx_core::sql_str::SqlSafeStr;
use sqlx_postgres::{PgConnectOptions, PgConnection};
use std::str::FromStr;
use std::time::Duration;
use tokio::time::timeout;

/// How long one step may take.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(10);

/// The table that says which migrations there were.
const MIGRATIONS: &str = "countersign.migrations";

/// The version of the tables, and what makes them.
const VERSION: i64 = 1;
const TABLES: &str = include_str!("migrations/0001_ledgers.sql");

/// A store that is connected to.
pub(crate) struct Store {
    pub(crate) connection: PgConnection,
    options: PgConnectOptions,
    /// How it is called in messages: host and database.
    pub(crate) name: String,
}

impl Store {
    /// Connects to `postgres://USER@HOST/DATABASE`. A password may also stand in `PGPASSWORD` or in the file of passwords.
    pub(crate) async fn connect(address: &str) -> Result<Self, StoreError> {
        let mut store = Self::open(address).await?;
        store.is_ours().await?;
        Ok(store)
    }

    /// Creates the tables and roles, or brings them up to date. Says whether anything was to be done.
    pub(crate) async fn set_up(address: &str) -> Result<bool, StoreError> {
        let mut store = Self::open(address).await?;
        let encoding: String = query_scalar("SHOW server_encoding")
            .fetch_one(&mut store.connection)
            .await
            .map_err(|it| store.failed(&it))?;
        if encoding != "UTF8" {
            return Err(StoreError::Encoding { store: store.name, encoding });
        }
        match store.is_ours().await {
            Ok(()) => return Ok(false),
            Err(StoreError::NotSetUp { .. }) => {}
            Err(error) => return Err(error),
        }
        let tables = Migration::new(VERSION, "ledgers".into(), MigrationType::Simple, TABLES.into_sql_str(), false);
        let mut migrator = Migrator::with_migrations(vec![tables]);
        migrator.dangerous_set_table_name(MIGRATIONS);
        migrator.create_schema("countersign");
        match migrator.run_direct(None, &mut store.connection, false).await {
            Ok(()) => Ok(true),
            Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => Err(store.failed(&error)),
            Err(error) => Err(StoreError::Other { store: store.name, why: error.to_string() }),
        }
    }

    async fn open(address: &str) -> Result<Self, StoreError> {
        if !(address.starts_with("postgres://") || address.starts_with("postgresql://")) {
            return Err(StoreError::Address("it begins with `postgres://`".to_owned()));
        }
        // What it says of an address may hold the password.
        let options = PgConnectOptions::from_str(address)
            .map_err(|_| {
                StoreError::Address("it cannot be read; a password in it has to be percent-encoded".to_owned())
            })?
            .application_name("countersign")
            .options([("statement_timeout", PATIENCE.as_millis().to_string().as_str())])
            .disable_statement_logging();
        // A password with a `/` that is not encoded ends up here.
        if options.get_database().is_some_and(|name| name.contains('@')) {
            return Err(StoreError::Address("a password in it has to be percent-encoded".to_owned()));
        }
        let place = options.get_socket().map_or_else(|| options.get_host().to_owned(), |it| it.display().to_string());
        let name = format!("the store {place}/{}", options.get_database().unwrap_or_default());
        let connection = connect(&options, &name).await?;
        Ok(Self { connection, options, name })
    }

    /// Connects anew, after the connection was lost.
    pub(crate) async fn again(&mut self) -> Result<(), StoreError> {
        self.connection = connect(&self.options, &self.name).await?;
        self.is_ours().await
    }

    /// Whether its tables are those of this version.
    async fn is_ours(&mut self) -> Result<(), StoreError> {
        let version = query_scalar("SELECT max(version) FROM countersign.migrations WHERE success");
        let slow = |_| StoreError::Slow { store: self.name.clone(), seconds: PATIENCE.as_secs() };
        let version = timeout(PATIENCE, version.fetch_one(&mut self.connection)).await.map_err(slow)?;
        let version: Option<i64> = version.map_err(|error| self.failed(&error))?;
        match version.unwrap_or_default() {
            VERSION => Ok(()),
            newer if newer > VERSION => {
                Err(StoreError::Newer { store: self.name.clone(), version: newer, known: VERSION })
            }
            _ => Err(StoreError::NotSetUp { store: self.name.clone() }),
        }
    }

    pub(crate) fn failed(&self, error: &sqlx_core::error::Error) -> StoreError {
        StoreError::of(&self.name, error)
    }

    /// How it is called in messages: host and database.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Ends the connection in good order.
    pub(crate) async fn close(self) {
        let _ = timeout(CONNECTING, self.connection.close()).await;
    }
}

async fn connect(options: &PgConnectOptions, name: &str) -> Result<PgConnection, StoreError> {
    match timeout(CONNECTING, options.connect()).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(StoreError::of(name, &error)),
        Err(_) => Err(StoreError::Slow { store: name.to_owned(), seconds: CONNECTING.as_secs() }),
    }
}
