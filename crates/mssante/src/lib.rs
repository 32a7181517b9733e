//! mssante
