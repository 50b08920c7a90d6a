// procsync.hpp: objects with destructors, exceptions, and the standard library's names.

#include "procsync.hpp"

#include "check.h"

#include <cstring>
#include <thread>
#include <type_traits>

using namespace std::chrono_literals;

namespace {

template <class Body>
procsync_status failure(Body body) {
    try {
        body();
    } catch (const procsync::error& error) {
        CHECK(std::strlen(error.what()) > 0);
        return error.status();
    }
    return PROCSYNC_OK;
}

const char* name_of(const procsync::native_semaphore& semaphore) {
    const char* name = nullptr;
    OK(procsync_native_name(semaphore.get(), &name));
    return name;
}

void mutexes_are_lockable() {
    const char* object = name("lockable");
    procsync::mutex mutex(object);
    {
        std::lock_guard<procsync::mutex> guard(mutex);
        CHECK(mutex.is_locked() && mutex.grant() == 1 && !mutex.abandoned());
        bool got = true;
        std::thread([&] {
            std::unique_lock<procsync::mutex> other(mutex, std::try_to_lock);
            got = other.owns_lock();
            CHECK(!mutex.try_lock_for(2ms));
            CHECK(!mutex.try_lock_until(std::chrono::steady_clock::now() + 2ms));
            CHECK(!mutex.try_lock_until(std::chrono::system_clock::now() - 1h));
            CHECK(failure([&] { mutex.unlock(); }) == PROCSYNC_NOT_OWNER);
        }).join();
        CHECK(!got);
        CHECK(failure([&] { mutex.lock(); }) == PROCSYNC_ALREADY_OWNED);
    }
    CHECK(!mutex.is_locked());
    std::unique_lock<procsync::mutex> lock(mutex, std::chrono::hours(24 * 365 * 1000));
    CHECK(lock.owns_lock());
    procsync::reentrant_mutex reentrant(name("lockable-again"));
    std::lock_guard<procsync::reentrant_mutex> outer(reentrant), inner(reentrant);
    CHECK(reentrant.depth() == 2 && reentrant.try_lock());
    reentrant.unlock();
#if __cplusplus >= 201703L
    procsync::mutex second(name("second"));
    lock.unlock();
    std::scoped_lock both(mutex, second);
    CHECK(second.is_locked());
#endif
}

void errors_are_exceptions() {
    const char* object = name("errors");
    CHECK(failure([&] { procsync::mutex none(object, procsync::how::attach); }) == PROCSYNC_NOT_FOUND);
    procsync::event event(object, PROCSYNC_RESET_MANUAL, procsync::how::create);
    try {
        procsync::mutex mutex(object);
        CHECK(false);
    } catch (const procsync::error& error) {
        CHECK(error.status() == PROCSYNC_WRONG_KIND && error.object() == object);
        CHECK(std::strstr(error.what(), "event") != nullptr && error.system_errno() == 0);
    }
    CHECK(failure([&] { procsync::event other(object, PROCSYNC_RESET_AUTO); }) == PROCSYNC_MISMATCH);
}

void native_semaphores_are_lockable() {
    const char* object = name("native");
    procsync::native_semaphore semaphore(object);
    {
        std::lock_guard<procsync::native_semaphore> outer(semaphore);
        std::unique_lock<procsync::native_semaphore> inner(semaphore, 2ms);
        CHECK(inner.owns_lock() && semaphore.depth() == 2);
        procsync::native_semaphore same(object);
        CHECK(same.depth() == 2);
        std::thread([&] {
            CHECK(failure([&] { semaphore.unlock(); }) == PROCSYNC_WRONG_THREAD);
            procsync::native_semaphore own(object);
            CHECK(!own.try_lock() && !own.try_lock_for(2ms));
            CHECK(!own.try_lock_until(std::chrono::steady_clock::now() + 2ms));
        }).join();
    }
    CHECK(semaphore.depth() == 0);
    CHECK(failure([&] { semaphore.unlock(); }) == PROCSYNC_OUT_OF_ORDER);
    std::thread([&] {
        procsync::native_semaphore own(object);
        own.lock();
    }).join();
    semaphore.lock();
    CHECK(semaphore.abandoned() && semaphore.abandoned_by().pid == static_cast<unsigned>(getpid()));
    semaphore.unlock();
    CHECK(semaphore.unlink());
    procsync::options options;
    options.initial_count(2).semaphore_mode(0600).ledger(false);
    procsync::native_semaphore two(name("native-two"), options);
    two.lock();
    std::thread([&] {
        procsync::native_semaphore other(name_of(two), options);
        CHECK(other.try_lock());
        other.unlock();
    }).join();
    two.unlock();
    CHECK(two.unlink());
}

void an_abandoned_mutex_says_by_whom() {
    procsync::options options;
    options.on_abandoned(PROCSYNC_ON_ABANDONED_REFUSE).participants(16).data(8, 8);
    procsync::mutex mutex(name("abandoned"), options);
    std::thread([&] { mutex.lock(); }).join();
    CHECK(failure([&] { mutex.lock(); }) == PROCSYNC_ABANDONED);
    mutex.repair();
    CHECK(mutex.abandoned() && mutex.abandoned_by().cause == PROCSYNC_CAUSE_THREAD_EXITED);
    std::uint64_t data = 5, seen = 0;
    mutex.write(&data, sizeof data);
    mutex.read(&seen, sizeof seen);
    CHECK(seen == 5);
    mutex.unlock();
    CHECK(mutex.try_lock() && !mutex.abandoned());
    CHECK(mutex.force_release());
}

void permits_go_back_by_themselves() {
    const char* object = name("permits");
    procsync::semaphore semaphore(object, 4);
    {
        procsync::permit one = semaphore.take(), two = semaphore.try_take(2);
        CHECK(one && two && two.count() == 2 && two.indexes().size() == 2 && !two.abandoned());
        CHECK(two.indexes()[0] == two.index() && two.index() != one.index());
        CHECK(!semaphore.try_take(2) && !semaphore.try_take_for(1ms, 2));
        procsync::permit moved = std::move(one);
        CHECK(moved && !one && semaphore.available() == 1);
        moved = procsync::permit();
        CHECK(semaphore.available() == 2);
        two.release();
        CHECK(!two && semaphore.available() == 4);
        two = semaphore.take(3);
    }
    CHECK(semaphore.available() == 4 && semaphore.capacity() == 4);
    semaphore.acquire();
    CHECK(semaphore.try_acquire() && semaphore.try_acquire_for(1ms));
    CHECK(semaphore.try_acquire_until(std::chrono::steady_clock::now() + 1ms));
    CHECK(!semaphore.try_acquire() && !semaphore.try_acquire_for(1ms));
    std::thread([&] { semaphore.release(); }).join();
    semaphore.release(3);
    CHECK(semaphore.available() == 4);
    CHECK(failure([&] { semaphore.release(); }) == PROCSYNC_NOT_OWNER);
    procsync::semaphore attached(object);
    CHECK(attached.capacity() == 4);
    // What is not released goes with the object.
    attached.acquire();
    CHECK(semaphore.available() == 3);
}

void tokens_have_the_names_of_counting_semaphore() {
    procsync::token_semaphore tokens(name("tokens"), 0);
    std::thread producer([&] {
        for (int i = 0; i < 100; i++) tokens.release();
        tokens.release(50);
    });
    for (int i = 0; i < 150; i++) tokens.acquire();
    producer.join();
    CHECK(tokens.value() == 0 && !tokens.try_acquire() && !tokens.try_acquire_for(1ms));
    CHECK(!tokens.try_acquire_until(std::chrono::system_clock::now() + 1ms));
    tokens.release(procsync::token_semaphore::max());
    CHECK(failure([&] { tokens.release(); }) == PROCSYNC_OVERFLOW);
    bool refused = false;
    try {
        tokens.release(-1);
    } catch (const std::invalid_argument&) {
        refused = true;
    }
    CHECK(refused);
}

void events_are_waited_for() {
    const char* object = name("event");
    procsync::event event(object, PROCSYNC_RESET_AUTO), same(object);
    CHECK(!event.try_wait() && !event.wait_for(1ms));
    std::thread setter([&] { same.set(); });
    event.wait();
    setter.join();
    CHECK(!event.is_set());
    event.set();
    CHECK(event.wait_until(std::chrono::steady_clock::now()));
    event.set();
    event.clear();
    CHECK(!event.wait_until(std::chrono::steady_clock::now() + 1ms));
}

void memory_is_shared() {
    const char* object = name("memory");
    procsync::shared_memory memory(object, 100), same(object);
    CHECK(memory.created() && !same.created() && same.size() == 100);
    memory.write(10, "hello", 6);
    char text[6];
    same.read(10, text, sizeof text);
    CHECK(std::strcmp(text, "hello") == 0);
    CHECK(std::strcmp(static_cast<char*>(same.data()) + 10, "hello") == 0);
    CHECK(failure([&] { memory.write(96, text, 6); }) == PROCSYNC_INVALID_ARGUMENT);
}

void objects_move_and_are_removed_by_name() {
    const char* object = name("moved");
    procsync::options options;
    options.persistent();
    procsync::event event(object, PROCSYNC_RESET_MANUAL, options);
    procsync::event moved(std::move(event));
    moved.set();
    CHECK(failure([&] { event.set(); }) == PROCSYNC_INVALID_HANDLE);
    static_assert(!std::is_copy_constructible<procsync::mutex>::value, "a handle has one owner");
    static_assert(!std::is_copy_constructible<procsync::permit>::value, "a permit has one owner");
    CHECK(procsync::remove(object) == PROCSYNC_REMOVAL_WHEN_LAST_USER_LEAVES);
    CHECK(procsync::remove(name("never")) == PROCSYNC_REMOVAL_NONE);
}

const test tests[] = {
    TEST(mutexes_are_lockable),
    TEST(errors_are_exceptions),
    TEST(native_semaphores_are_lockable),
    TEST(an_abandoned_mutex_says_by_whom),
    TEST(permits_go_back_by_themselves),
    TEST(tokens_have_the_names_of_counting_semaphore),
    TEST(events_are_waited_for),
    TEST(memory_is_shared),
    TEST(objects_move_and_are_removed_by_name),
};
const role roles[] = {{"none", nullptr}};

}  // namespace

TESTS(tests, roles)
