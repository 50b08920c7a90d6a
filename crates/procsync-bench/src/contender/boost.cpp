// Boost.Interprocess behind functions that Rust can call.

#include <boost/interprocess/sync/interprocess_condition.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/interprocess_semaphore.hpp>
#include <boost/interprocess/sync/named_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#include <new>

using boost::interprocess::interprocess_mutex;
using boost::interprocess::interprocess_semaphore;
using boost::interprocess::named_mutex;

// What is opened to let everybody pass.
struct Gate {
    interprocess_mutex mutex;
    boost::interprocess::interprocess_condition condition;
    bool open = false;
};
using Locked = boost::interprocess::scoped_lock<interprocess_mutex>;

// As much room as the Rust side gives, aligned to 64.
constexpr unsigned long room = 128;
static_assert(sizeof(interprocess_mutex) <= room && alignof(interprocess_mutex) <= 64);
static_assert(sizeof(interprocess_semaphore) <= room && alignof(interprocess_semaphore) <= 64);
static_assert(sizeof(Gate) <= room && alignof(Gate) <= 64);

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

bool bench_boost_gate_init(void *place) noexcept {
    return done([=] { new (place) Gate(); });
}

bool bench_boost_gate_set(void *place, bool open) noexcept {
    return done([=] {
        auto gate = static_cast<Gate *>(place);
        Locked locked(gate->mutex);
        gate->open = open;
        if (open) {
            gate->condition.notify_all();
        }
    });
}

bool bench_boost_gate_pass(void *place) noexcept {
    return done([=] {
        auto gate = static_cast<Gate *>(place);
        Locked locked(gate->mutex);
        gate->condition.wait(locked, [=] { return gate->open; });
    });
}

// Null if it cannot be had.
void *bench_boost_named_open(const char *name, bool create) noexcept {
    named_mutex *made = nullptr;
    done([&] {
        made = create ? new named_mutex(boost::interprocess::create_only, name)
                      : new named_mutex(boost::interprocess::open_only, name);
    });
    return made;
}

bool bench_boost_named_lock(void *mutex) noexcept {
    return done([=] { static_cast<named_mutex *>(mutex)->lock(); });
}

bool bench_boost_named_unlock(void *mutex) noexcept {
    return done([=] { static_cast<named_mutex *>(mutex)->unlock(); });
}

void bench_boost_named_close(void *mutex) noexcept { delete static_cast<named_mutex *>(mutex); }

void bench_boost_named_remove(const char *name) noexcept { named_mutex::remove(name); }
}
