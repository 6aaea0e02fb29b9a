module hearth.local/tests

// The newest x/mod that Debian 12's Go compiles.
go 1.18

require golang.org/x/mod v0.20.0
