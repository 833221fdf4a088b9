################################################################################
#
# mender-artifact-rs: the command, for the build
#
################################################################################

MENDER_ARTIFACT_RS_VERSION = 0.1.0
# The place of the sources: put yours here.
MENDER_ARTIFACT_RS_SITE = $(call qstrip,$(BR2_PACKAGE_HOST_MENDER_ARTIFACT_RS_SITE))
MENDER_ARTIFACT_RS_SOURCE = mender-artifact-rs-$(MENDER_ARTIFACT_RS_VERSION).tar.gz
MENDER_ARTIFACT_RS_LICENSE = Apache-2.0
MENDER_ARTIFACT_RS_LICENSE_FILES = LICENSE
HOST_MENDER_ARTIFACT_RS_CARGO_BUILD_OPTS = --package mender-artifact-cli --bin mender-artifact

define HOST_MENDER_ARTIFACT_RS_INSTALL_CMDS
	$(INSTALL) -D -m 0755 $(@D)/target/release/mender-artifact \
		$(HOST_DIR)/bin/mender-artifact
endef

$(eval $(host-cargo-package))
