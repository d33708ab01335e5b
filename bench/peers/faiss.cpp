// faiss: HNSW over full vectors and over 8-bit scalar codes.
#include <faiss/IndexHNSW.h>
#include <omp.h>

#include <memory>

#include "peer.hpp"

namespace {

struct Faiss : peer::Engine {
    std::unique_ptr<faiss::IndexHNSW> index;

    peer::Built build(const peer::Matrix& base, const peer::BuildOptions& o) override {
        auto metric = o.metric == "l2" ? faiss::METRIC_L2 : faiss::METRIC_INNER_PRODUCT;
        size_t code = 4 * base.dim;
        omp_set_num_threads(int(o.threads));
        if (o.config == "hnsw-sq8") {
            index = std::make_unique<faiss::IndexHNSWSQ>(int(base.dim), faiss::ScalarQuantizer::QT_8bit, int(o.m), metric);
            code = base.dim;
            index->train(faiss::Index::idx_t(base.rows), base.data.data());
        } else if (o.config == "hnsw-flat") {
            index = std::make_unique<faiss::IndexHNSWFlat>(int(base.dim), int(o.m), metric);
        } else {
            throw std::runtime_error("there is no configuration " + o.config);
        }
        index->hnsw.efConstruction = int(o.ef_construction);
        index->add(faiss::Index::idx_t(base.rows), base.data.data());
        peer::Built b;
        b.rows = size_t(index->ntotal);
        b.index_bytes = base.rows * (code + sizeof(size_t) + sizeof(int)) + index->hnsw.neighbors.size() * sizeof(index->hnsw.neighbors[0]);
        size_t links = 0;
        for (size_t i = 0; i < base.rows; i++) {
            size_t begin, end;
            index->hnsw.neighbor_range(faiss::HNSW::idx_t(i), 0, &begin, &end);
            for (; begin < end && index->hnsw.neighbors[begin] >= 0; begin++) links++;
        }
        b.traversal_bytes = code + links * sizeof(index->hnsw.neighbors[0]) / base.rows;
        return b;
    }

    void prepare(size_t, size_t ef, size_t) override {
        index->hnsw.efSearch = int(ef);
        omp_set_num_threads(1); // threads are those that call search
    }

    size_t search(const float* query, size_t k, size_t, int64_t* ids) override {
        thread_local std::vector<float> distances;
        distances.resize(k);
        index->search(1, query, faiss::Index::idx_t(k), distances.data(), ids);
        size_t n = 0;
        while (n < k && ids[n] >= 0) n++;
        return n;
    }
};

} // namespace

int main() {
    Faiss engine;
    return peer::Server(engine).serve("{\"protocol\":1,\"name\":\"faiss\",\"version\":" + peer::quote(PEER_VERSION) + ",\"about\":" + peer::quote(PEER_ABOUT) +
                                      ",\"configs\":[{\"name\":\"hnsw-flat\",\"build_threads\":true,\"search_threads\":true},"
                                      "{\"name\":\"hnsw-sq8\",\"build_threads\":true,\"search_threads\":true,\"about\":\"8-bit scalar codes, no re-ranking\"}]}");
}
