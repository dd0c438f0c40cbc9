//! The ledger against a model of it that is a list, through random histories with restarts.
