//! Whether a text stands anywhere in what a server keeps.

use avala_server::Database;

use crate::support::Running;

/// Looks through the files of the data directory, or through the tables that hold what was sealed.
pub(crate) async fn holds(running: &Running, text: &str) -> bool {
    if let Database::Sqlite = running.dir.database() {
        let files = std::fs::read_dir(running.dir.path().join("data")).unwrap();
        return files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()));
    }
    // Bytes are written as hexadecimal digits.
    let hex = text
        .bytes()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let mut rows = 0;
    for (table, column) in [
        ("storage_configs", "name"),
        ("inference_providers", "name"),
        ("api_keys", "name"),
        ("audit", "object"),
    ] {
        let statement = format!(
            "UPDATE {table} SET {column} = {column} WHERE {table}::text LIKE '%{text}%' OR {table}::text LIKE '%{hex}%'"
        );
        rows += running.dir.execute(statement.leak()).await;
    }
    rows > 0
}
