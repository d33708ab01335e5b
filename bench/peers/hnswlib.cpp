// hnswlib, header-only. PEER_VERSION and PEER_ABOUT come from the Makefile.
#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <memory>

#include "peer.hpp"

namespace {

struct Hnswlib : peer::Engine {
    std::unique_ptr<hnswlib::SpaceInterface<float>> space;
    std::unique_ptr<hnswlib::HierarchicalNSW<float>> index;

    peer::Built build(const peer::Matrix& base, const peer::BuildOptions& o) override {
        if (o.metric == "l2")
            space = std::make_unique<hnswlib::L2Space>(base.dim);
        else
            space = std::make_unique<hnswlib::InnerProductSpace>(base.dim);
        index = std::make_unique<hnswlib::HierarchicalNSW<float>>(space.get(), base.rows, o.m, o.ef_construction, o.seed);
        index->addPoint(base.row(0), 0);
        peer::each(base.rows - 1, o.threads, [&](size_t i, size_t) { index->addPoint(base.row(i + 1), i + 1); });
        size_t upper = 0, links = 0;
        for (size_t i = 0; i < base.rows; i++) {
            upper += index->element_levels_[i] * index->size_links_per_element_;
            links += index->getListCount(index->get_linklist0(i));
        }
        peer::Built b;
        b.rows = index->cur_element_count;
        b.index_bytes = index->cur_element_count * index->size_data_per_element_ + upper;
        b.traversal_bytes = 4 * base.dim + sizeof(hnswlib::linklistsizeint) + links * sizeof(hnswlib::tableint) / base.rows;
        return b;
    }

    void prepare(size_t, size_t ef, size_t) override { index->setEf(ef); }

    size_t search(const float* query, size_t k, size_t, int64_t* ids) override {
        auto found = index->searchKnn(query, k);
        size_t n = found.size();
        for (size_t i = n; i > 0; i--, found.pop()) ids[i - 1] = int64_t(found.top().second);
        return n;
    }
};

} // namespace

int main() {
    Hnswlib engine;
    return peer::Server(engine).serve("{\"protocol\":1,\"name\":\"hnswlib\",\"version\":" + peer::quote(PEER_VERSION) + ",\"about\":" + peer::quote(PEER_ABOUT) +
                                      ",\"configs\":[{\"name\":\"f32\",\"build_threads\":true,\"search_threads\":true}]}");
}
