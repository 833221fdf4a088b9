################################################################################
#
# mender-binary-delta-rs: the Update Module, for devices
#
################################################################################

MENDER_BINARY_DELTA_RS_VERSION = 0.1.0
MENDER_BINARY_DELTA_RS_SITE = $(call qstrip,$(BR2_PACKAGE_MENDER_BINARY_DELTA_RS_SITE))
MENDER_BINARY_DELTA_RS_SOURCE = mender-artifact-rs-$(MENDER_BINARY_DELTA_RS_VERSION).tar.gz
MENDER_BINARY_DELTA_RS_LICENSE = Apache-2.0
MENDER_BINARY_DELTA_RS_LICENSE_FILES = LICENSE
MENDER_BINARY_DELTA_RS_CARGO_BUILD_OPTS = --package mender-artifact-cli \
	--no-default-features --bin mender-binary-delta

define MENDER_BINARY_DELTA_RS_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 \
		$(@D)/target/$(RUSTC_TARGET_NAME)/release/mender-binary-delta \
		$(TARGET_DIR)/usr/lib/mender/mender-binary-delta
	mkdir -p $(TARGET_DIR)/usr/share/mender/modules/v3
	ln -sf ../../../../lib/mender/mender-binary-delta \
		$(TARGET_DIR)/usr/share/mender/modules/v3/mender-binary-delta
	ln -sf ../../../../lib/mender/mender-binary-delta \
		$(TARGET_DIR)/usr/share/mender/modules/v3/mender-delta
endef

$(eval $(cargo-package))
