// Boost.Interprocess behind functions that Rust can call.

#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/interprocess_semaphore.hpp>
#include <new>

using boost::interprocess::interprocess_mutex;
using boost::interprocess::interprocess_semaphore;

// As much room as the Rust side gives, aligned to 64.
constexpr unsigned long room = 128;
static_assert(sizeof(interprocess_mutex) <= room && alignof(interprocess_mutex) <= 64);
static_assert(sizeof(interprocess_semaphore) <= room && alignof(interprocess_semaphore) <= 64);

// Exceptions end at this border: what they would report is answered as false.
template <typename Step> static bool done(Step step) noexcept {
    try {
        step();
        return true;
    } catch (...) {
        return false;
    }
}

extern "C" {

bool bench_boost_mutex_init(void *place) noexcept {
    return done([=] { new (place) interprocess_mutex(); });
}

bool bench_boost_mutex_lock(void *place) noexcept {
    return done([=] { static_cast<interprocess_mutex *>(place)->lock(); });
}

bool bench_boost_mutex_unlock(void *place) noexcept {
    return done([=] { static_cast<interprocess_mutex *>(place)->unlock(); });
}

bool bench_boost_semaphore_init(void *place) noexcept {
    return done([=] { new (place) interprocess_semaphore(0); });
}

bool bench_boost_semaphore_post(void *place) noexcept {
    return done([=] { static_cast<interprocess_semaphore *>(place)->post(); });
}

bool bench_boost_semaphore_wait(void *place) noexcept {
    return done([=] { static_cast<interprocess_semaphore *>(place)->wait(); });
}
}
