// usearch from its C++ headers, with its NumKong kernels chosen at run time.
#include <usearch/index_dense.hpp>

#include <memory>

#include "peer.hpp"

namespace {

using namespace unum::usearch;

struct Usearch : peer::Engine {
    std::unique_ptr<index_dense_t> index;

    peer::Built build(const peer::Matrix& base, const peer::BuildOptions& o) override {
        auto metric = o.metric == "l2" ? metric_kind_t::l2sq_k : o.metric == "cosine" ? metric_kind_t::cos_k : metric_kind_t::ip_k;
        auto scalar = scalar_kind_t::f32_k;
        if (o.config == "i8")
            scalar = scalar_kind_t::i8_k;
        else if (o.config != "f32")
            throw std::runtime_error("there is no configuration " + o.config);
        metric_punned_t punned(base.dim, metric, scalar);
        auto made = index_dense_t::make(punned, index_dense_config_t(o.m, o.ef_construction, 64));
        if (!made) throw std::runtime_error(made.error.release());
        index = std::make_unique<index_dense_t>(std::move(made.index));
        size_t threads = std::max<size_t>(o.threads, std::thread::hardware_concurrency());
        if (!index->try_reserve(index_limits_t(base.rows, threads))) throw std::runtime_error("out of memory");
        peer::each(base.rows, o.threads, [&](size_t i, size_t thread) {
            auto added = index->add(i, base.row(i), thread);
            if (!added) throw std::runtime_error(added.error.release());
        });
        peer::Built b;
        b.rows = index->size();
        b.index_bytes = index->memory_usage();
        b.traversal_bytes = punned.bytes_per_vector() + 2 * o.m * sizeof(std::uint32_t);
        b.about = std::string("kernels ") + punned.isa_name();
        return b;
    }

    void prepare(size_t, size_t ef, size_t) override { index->change_expansion_search(ef); }

    size_t search(const float* query, size_t k, size_t thread, int64_t* ids) override {
        auto found = index->search(query, k, thread);
        if (!found) throw std::runtime_error(found.error.release());
        size_t n = found.size();
        for (size_t i = 0; i < n; i++) ids[i] = int64_t(found[i].member.key);
        return n;
    }
};

} // namespace

int main() {
    Usearch engine;
    return peer::Server(engine).serve("{\"protocol\":1,\"name\":\"usearch\",\"version\":" + peer::quote(PEER_VERSION) + ",\"about\":" + peer::quote(PEER_ABOUT) +
                                      ",\"configs\":[{\"name\":\"f32\",\"build_threads\":true,\"search_threads\":true},"
                                      "{\"name\":\"i8\",\"build_threads\":true,\"search_threads\":true,\"about\":\"8-bit codes as usearch makes them of f32, no re-ranking\"}]}");
}
