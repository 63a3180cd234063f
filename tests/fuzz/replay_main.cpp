// main() for fuzz targets without libFuzzer: feeds every file of the corpus folder that the
// argument names, cut and changed in many places, and some noise. The same inputs every time.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

// Shared out over the recorded inputs: seconds with a sanitizer also where one input costs
// a millisecond, and each gets enough to be hurt in most of its places.
constexpr int changes_in_all = 3'000;
constexpr int noise_count = 300;

int fed_count = 0;

void feed(const std::string& bytes) {
    // A copy of the exact size, so that the address sanitizer sees a read past the end.
    const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
    ++fed_count;
}

void feed_changed(std::string bytes, std::mt19937& random) {
    const int change_count = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < change_count && !bytes.empty(); ++i) {
        const std::size_t at = random() % bytes.size();
        switch (random() % 4) {
            case 0: bytes[at] = static_cast<char>(random()); break;
            case 1: bytes.resize(at); break;
            case 2: bytes.insert(at, 1 + random() % 8, static_cast<char>(random())); break;
            case 3: bytes.erase(at, 1 + random() % 8); break;
        }
    }
    feed(bytes);
}

std::vector<std::string> read_corpus(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    if (std::filesystem::is_directory(folder))
        for (const auto& entry : std::filesystem::directory_iterator(folder))
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    std::vector<std::string> inputs;
    for (const auto& file : files) {
        std::ifstream in(file, std::ios::binary);
        inputs.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    }
    return inputs;
}

}  // namespace

int main(int argc, char** argv) {
    std::mt19937 random(1);
    const auto inputs = argc > 1 ? read_corpus(argv[1]) : std::vector<std::string>();
    for (const auto& input : inputs) feed(input);
    const int changes_each = changes_in_all / std::max(1, static_cast<int>(inputs.size()));
    for (const auto& input : inputs)
        for (int i = 0; i < changes_each; ++i) feed_changed(input, random);
    for (int i = 0; i < noise_count; ++i) {
        std::string noise(random() % 512, '\0');
        for (char& c : noise) c = static_cast<char>(random());
        feed(noise);
    }
    std::printf("fed %d inputs, %zu of them recorded\n", fed_count, inputs.size());
}
