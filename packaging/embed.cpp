// embed <symbol> <input> <output.cpp>: writes a C++ file in which
// halton::embedded::<symbol> is a std::string_view of the input's bytes. Runs at build time.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: embed <symbol> <input> <output.cpp>\n");
        return 2;
    }
    std::ifstream in(argv[2], std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    std::ofstream out(argv[3], std::ios::binary);
    out << "#include <string_view>\n"
           "namespace halton::embedded {\n"
           "extern const std::string_view "
        << argv[1] << ";\nconstexpr std::string_view " << argv[1] << "{\n    \"";
    int column = 0;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out << '\\' << c;
        } else if (byte >= 0x20 && byte < 0x7f && c != '?') {
            out << c;
        } else {  // three octal digits never swallow the character after them
            const char octal[] = {'\\', static_cast<char>('0' + (byte >> 6)),
                                  static_cast<char>('0' + (byte >> 3 & 7)),
                                  static_cast<char>('0' + (byte & 7)), '\0'};
            out << octal;
        }
        if (c == '\n' || ++column > 200) {
            out << "\"\n    \"";
            column = 0;
        }
    }
    out << "\", " << bytes.size() << "};\n}  // namespace halton::embedded\n";
    out.close();
    if (!in || !out) {
        std::fprintf(stderr, "embed: cannot copy %s to %s\n", argv[2], argv[3]);
        return 1;
    }
}
