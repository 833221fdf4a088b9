// list.cpp - reads an Artifact from standard input with the streaming reader and lists what is in it. C++17.
#include "mender_device.h"

#include <array>
#include <cstdio>
#include <memory>
#include <string_view>
#include <vector>

namespace {

std::string_view view(mar_slice slice) { return slice.len == 0 ? std::string_view{} : std::string_view{slice.p, slice.len}; }

struct Listing {
    std::uint64_t bytes = 0;
};

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int key(void *, int kind, mar_slice key, mar_slice value) {
    print(kind == 'd' ? "depends " : kind == 'p' ? "provides " : "clears ");
    print(view(key));
    print("=");
    print(view(value));
    print("\n");
    return 0;
}

int headers(void *, const mar_payload *payload) {
    print(view(payload->artifact_name));
    print(" ");
    print(view(payload->type));
    print("\n");
    return 0;
}

int file_begin(void *, mar_slice name, std::uint64_t size) {
    print(view(name));
    std::printf(" %llu\n", static_cast<unsigned long long>(size));
    return 0;
}

int file_data(void *user, std::uint64_t, const std::uint8_t *, std::size_t len) {
    static_cast<Listing *>(user)->bytes += len;
    return 0;
}

} // namespace

int main() {
    Listing listing;
    mar_limits limits{};
    limits.struct_size = sizeof limits;
    limits.decompress = 32768;
    mar_events events{};
    events.struct_size = sizeof events;
    events.user = &listing;
    events.key = key;
    events.headers = headers;
    events.file_begin = file_begin;
    events.file_data = file_data;
    mar_reader_config config{};
    config.struct_size = sizeof config;
    config.limits = &limits;
    config.events = &events;

    std::vector<std::uint64_t> arena((mar_reader_need(&config) + 7) / 8);
    mar_reader *reader = nullptr;
    int code = mar_reader_init(&reader, arena.data(), arena.size() * 8, &config);
    std::array<std::uint8_t, 777> piece;
    while (code == MAR_OK) {
        const std::size_t len = std::fread(piece.data(), 1, piece.size(), stdin);
        if (len == 0) {
            code = mar_reader_finish(reader);
            break;
        }
        code = mar_reader_push(reader, piece.data(), len);
    }
    std::printf("%d %s, %llu bytes\n", code, mar_device_strerror(code), static_cast<unsigned long long>(listing.bytes));
    return code == MAR_DONE ? 0 : 1;
}
