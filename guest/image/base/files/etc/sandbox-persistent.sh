# Sourced by every bash in this sandbox, interactive or not (BASH_ENV): put exports here.
