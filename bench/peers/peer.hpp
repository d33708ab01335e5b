// The engine's side of the line protocol in C++; README.md has the protocol.
//
// An adapter derives from Engine and calls serve. Files are read here, queries are handed
// out to threads here, and times are taken here.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace peer {

// Matrix is the rows of an fbin file: uint32 rows, uint32 dimensions, float32.
struct Matrix {
    size_t rows = 0, dim = 0;
    std::vector<float> data;

    const float* row(size_t i) const { return data.data() + i * dim; }

    void read(const std::string& path) {
        std::ifstream in(path, std::ios::binary);
        uint32_t head[2] = {0, 0};
        if (!in.read(reinterpret_cast<char*>(head), sizeof head)) throw std::runtime_error("cannot read the header of " + path);
        rows = head[0];
        dim = head[1];
        data.resize(rows * dim);
        if (!in.read(reinterpret_cast<char*>(data.data()), std::streamsize(4 * data.size()))) throw std::runtime_error("cannot read the rows of " + path);
    }

    void free() { std::vector<float>().swap(data); }
};

struct BuildOptions {
    std::string config, metric; // metric is cosine (vectors are of unit length), dot or l2
    size_t m, ef_construction, threads, seed;
};

// What an index holds; bytes of 0 are unknown. See README.md.
struct Built {
    size_t rows = 0, index_bytes = 0, traversal_bytes = 0;
    std::string about;
};

struct Engine {
    virtual ~Engine() = default;
    virtual Built build(const Matrix& base, const BuildOptions& o) = 0;
    // prepare is called before the queries of a search.
    virtual void prepare(size_t k, size_t ef, size_t threads) = 0;
    // search writes at most k ids, nearest first, and returns how many. Threads are numbered
    // from 0.
    virtual size_t search(const float* query, size_t k, size_t thread, int64_t* ids) = 0;
};

// each calls f(i, thread) for every i below n, from several threads, in no fixed order.
template <typename F> void each(size_t n, size_t threads, F f) {
    std::atomic<size_t> next{0};
    std::mutex mutex;
    std::exception_ptr failed;
    auto work = [&](size_t thread) {
        try {
            for (size_t i = next++; i < n; i = next++) f(i, thread);
        } catch (...) {
            std::lock_guard<std::mutex> lock(mutex);
            failed = std::current_exception();
        }
    };
    std::vector<std::thread> others;
    for (size_t t = 1; t < threads; t++) others.emplace_back(work, t);
    work(0);
    for (auto& t : others) t.join();
    if (failed) std::rethrow_exception(failed);
}

// quote writes a string of JSON.
inline std::string quote(const std::string& s) {
    std::string out = "\"";
    for (unsigned char c : s) {
        if (c == '"' || c == '\\') out += '\\';
        out += c < 0x20 ? ' ' : char(c);
    }
    return out + "\"";
}

class Server {
  public:
    explicit Server(Engine& engine) : engine_(engine) {}

    // serve writes hello, a JSON object without line breaks, and answers commands until quit.
    int serve(const std::string& hello) {
        say(hello);
        for (std::string line; std::getline(std::cin, line);) {
            parse(line);
            if (verb_ == "quit") return 0;
            try {
                say(answer());
            } catch (const std::exception& e) {
                say("{\"error\":" + quote(e.what()) + "}");
            }
        }
        return 0;
    }

  private:
    void say(const std::string& line) { std::cout << line << '\n' << std::flush; }

    void parse(const std::string& line) {
        std::istringstream words(line);
        settings_.clear();
        std::getline(words, verb_, '\t');
        for (std::string word; std::getline(words, word, '\t');) {
            size_t at = word.find('=');
            if (at != std::string::npos) settings_[word.substr(0, at)] = word.substr(at + 1);
        }
    }

    size_t number(const std::string& name) {
        size_t n = std::strtoull(settings_[name].c_str(), nullptr, 10);
        if (n == 0) throw std::runtime_error(name + " must be a number above 0");
        return n;
    }

    std::string answer() {
        std::ostringstream out;
        if (verb_ == "load") {
            base_.read(settings_["base"]);
            queries_.read(settings_["queries"]);
            metric_ = settings_["metric"];
            out << "{\"rows\":" << base_.rows << ",\"dim\":" << base_.dim << ",\"queries\":" << queries_.rows << "}";
        } else if (verb_ == "build") {
            Built b = engine_.build(base_, {settings_["config"], metric_, number("m"), number("ef_construction"), number("threads"), number("seed")});
            base_.free();
            out << "{\"rows\":" << b.rows << ",\"index_bytes\":" << b.index_bytes << ",\"traversal_bytes\":" << b.traversal_bytes << ",\"about\":" << quote(b.about) << "}";
        } else if (verb_ == "search") {
            search(number("k"), number("ef"), number("threads"), number("repeat"));
            out << "{\"queries\":" << number("repeat") * queries_.rows << "}";
        } else if (verb_ == "answer") {
            print(out);
        } else {
            throw std::runtime_error("there is no verb " + verb_);
        }
        return out.str();
    }

    void search(size_t k, size_t ef, size_t threads, size_t repeat) {
        using clock = std::chrono::steady_clock;
        k_ = k;
        ids_.resize(queries_.rows * k);
        counts_.resize(queries_.rows);
        nanos_.resize(queries_.rows);
        engine_.prepare(k, ef, threads);
        for (size_t r = 0; r < repeat; r++) {
            each(queries_.rows, threads, [&](size_t q, size_t thread) {
                auto begun = clock::now();
                counts_[q] = engine_.search(queries_.row(q), k, thread, &ids_[q * k]);
                nanos_[q] = std::chrono::duration_cast<std::chrono::nanoseconds>(clock::now() - begun).count();
            });
        }
    }

    void print(std::ostream& out) {
        out << "{\"ids\":[";
        for (size_t q = 0; q < counts_.size(); q++) {
            out << (q ? ",[" : "[");
            for (size_t i = 0; i < counts_[q]; i++) out << (i ? "," : "") << ids_[q * k_ + i];
            out << "]";
        }
        out << "],\"ns\":[";
        for (size_t q = 0; q < nanos_.size(); q++) out << (q ? "," : "") << nanos_[q];
        out << "]}";
    }

    Engine& engine_;
    std::string verb_, metric_;
    std::map<std::string, std::string> settings_;
    Matrix base_, queries_;
    size_t k_ = 0;
    std::vector<int64_t> ids_, nanos_;
    std::vector<size_t> counts_;
};

} // namespace peer
