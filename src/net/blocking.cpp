#include "net/blocking.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <asio/post.hpp>

#include "base/limits.h"

namespace halton::net {

struct Blocking::Worker {
    struct Job {
        std::function<void()> call;
        std::function<void()> on_done;
    };

    explicit Worker(asio::io_context& context) : io(context) { start(); }

    ~Worker() { stop(); }

    void start() {
        is_stopping = false;
        thread = std::thread([this] { run(); });
    }

    void stop() {
        {
            const std::lock_guard lock(mutex);
            is_stopping = true;
        }
        changed.notify_one();
        if (thread.joinable()) thread.join();
    }

    void run() {
        std::unique_lock lock(mutex);
        for (;;) {
            changed.wait(lock, [this] { return is_stopping || !jobs.empty(); });
            if (is_stopping) return;
            Job job = std::move(jobs.front());
            jobs.pop_front();
            lock.unlock();
            job.call();
            asio::post(io, std::move(job.on_done));
            lock.lock();
        }
    }

    asio::io_context& io;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Job> jobs;
    bool is_stopping = false;
    std::thread thread;  // last: it uses all of the above
};

Blocking::Blocking(asio::io_context& io) : io_(io), worker_(std::make_unique<Worker>(io)) {}
Blocking::~Blocking() = default;

void Blocking::pause() { worker_->stop(); }
void Blocking::resume() { worker_->start(); }

bool Blocking::post(std::function<void()> call, std::function<void()> on_done) {
    {
        const std::lock_guard lock(worker_->mutex);
        if (worker_->jobs.size() >= limits::blocking_queue_max) return false;
        worker_->jobs.push_back({std::move(call), std::move(on_done)});
    }
    worker_->changed.notify_one();
    return true;
}

}  // namespace halton::net
