module mender-artifact/ffi/go

go 1.19
