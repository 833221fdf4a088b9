module example/mender-artifact

go 1.19
