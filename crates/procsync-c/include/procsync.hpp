// The C++ interface of procsync: procsync.h with destructors and exceptions. C++11 or newer, this
// header alone; link with -lprocsync. How to use it: docs/c-api.md.
// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Objects are opened by their constructors and closed by their destructors. What fails throws
// procsync::error; what may not be had in time answers false instead. mutex and reentrant_mutex work
// with std::lock_guard, std::unique_lock and std::scoped_lock; semaphore and token_semaphore have the
// names of std::counting_semaphore.

#ifndef PROCSYNC_HPP
#define PROCSYNC_HPP

#include "procsync.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace procsync {

// What a function answered, and why.
class error : public std::runtime_error {
public:
    explicit error(procsync_status status)
        : std::runtime_error(procsync_last_error()->message), status_(status),
          system_errno_(procsync_last_error()->system_errno), object_(procsync_last_error()->object) {}

    procsync_status status() const noexcept { return status_; }
    // What the system said, if the status is PROCSYNC_SYSTEM; else 0.
    int system_errno() const noexcept { return system_errno_; }
    // The name of the object concerned; empty if there is none.
    const std::string& object() const noexcept { return object_; }

private:
    procsync_status status_;
    int system_errno_;
    std::string object_;
};

// A holder that died while it held.
struct deceased {
    std::uint32_t pid;
    std::uint32_t tid;
    procsync_cause cause;
};

namespace detail {

inline void check(procsync_status status) {
    if (status != PROCSYNC_OK) throw error(status);
}

// Whether it came in time.
inline bool in_time(procsync_status status) {
    if (status == PROCSYNC_TIMED_OUT) return false;
    check(status);
    return true;
}

// Rounded up, so that no wait is shorter than was asked for; nothing in the past is more than past.
template <class Rep, class Period>
std::int64_t nanoseconds(const std::chrono::duration<Rep, Period>& duration) {
    using std::chrono::nanoseconds;
    if (duration <= duration.zero()) return 0;
    // Compared as seconds in floating point, which cannot overflow.
    const double longest = 9.2e9;
    if (std::chrono::duration<double>(duration).count() >= longest) return PROCSYNC_FOREVER;
    const auto cut = std::chrono::duration_cast<nanoseconds>(duration);
    return static_cast<std::int64_t>(cut.count()) + (cut < duration ? 1 : 0);
}

template <class Clock, class Duration>
std::int64_t until(const std::chrono::time_point<Clock, Duration>& moment) {
    return nanoseconds(moment - Clock::now());
}

// A C handle that is closed once.
template <class Raw, procsync_status (*Close)(Raw*)>
class handle {
public:
    handle() noexcept : raw_(nullptr) {}
    handle(handle&& other) noexcept : raw_(other.raw_) { other.raw_ = nullptr; }
    handle& operator=(handle&& other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    handle(const handle&) = delete;
    handle& operator=(const handle&) = delete;
    ~handle() { (void)Close(raw_); }

    Raw* get() const noexcept { return raw_; }
    Raw** out() noexcept { return &raw_; }

private:
    Raw* raw_;
};

inline deceased last_deceased() {
    const procsync_deceased* by = procsync_last_deceased();
    return deceased{by->pid, by->tid, static_cast<procsync_cause>(by->cause)};
}

}  // namespace detail

// How an object is opened, where that is not the default.
class options {
public:
    options() { detail::check(procsync_options_new(handle_.out())); }

    options& scope(procsync_scope scope, std::uint32_t mode = 0600) {
        return checked(procsync_options_set_scope(handle_.get(), scope, mode));
    }
    options& persistent(bool persistent = true) {
        return checked(procsync_options_set_persistent(handle_.get(), persistent));
    }
    options& participants(std::uint32_t participants) {
        return checked(procsync_options_set_participants(handle_.get(), participants));
    }
    options& spin(std::int32_t spin) { return checked(procsync_options_set_spin(handle_.get(), spin)); }
    options& ownership(procsync_ownership ownership) {
        return checked(procsync_options_set_ownership(handle_.get(), ownership));
    }
    options& on_abandoned(procsync_on_abandoned policy) {
        return checked(procsync_options_set_on_abandoned(handle_.get(), policy));
    }
    options& initially_set(bool set = true) {
        return checked(procsync_options_set_initially_set(handle_.get(), set));
    }
    options& data(std::uint64_t size, std::uint32_t align, const void* initial = nullptr) {
        return checked(procsync_options_set_data(handle_.get(), size, align, initial));
    }
    // For native semaphores.
    options& initial_count(std::uint32_t units) {
        return checked(procsync_options_set_initial_count(handle_.get(), units));
    }
    options& semaphore_mode(std::uint32_t mode) {
        return checked(procsync_options_set_semaphore_mode(handle_.get(), mode));
    }
    options& ledger(bool ledger) {
        return checked(procsync_options_set_ledger(handle_.get(), ledger));
    }
    const procsync_options* get() const noexcept { return handle_.get(); }

private:
    options& checked(procsync_status status) {
        detail::check(status);
        return *this;
    }
    detail::handle<procsync_options, procsync_options_free> handle_;
};

// Whether an object is to be there, or not, or either.
enum class how { open, create, attach };

// Only one at a time. Fit for std::lock_guard and its like (TimedLockable).
class mutex {
public:
    explicit mutex(const char* name, how how = how::open) : mutex(name, nullptr, how) {}
    mutex(const char* name, const options& options, how how = how::open)
        : mutex(name, options.get(), how) {}

    void lock() { locked(procsync_mutex_lock(get(), PROCSYNC_FOREVER, &abandoned_)); }
    bool try_lock() { return in_time(0); }
    template <class Rep, class Period>
    bool try_lock_for(const std::chrono::duration<Rep, Period>& timeout) {
        return in_time(detail::nanoseconds(timeout));
    }
    template <class Clock, class Duration>
    bool try_lock_until(const std::chrono::time_point<Clock, Duration>& moment) {
        return in_time(detail::until(moment));
    }
    void unlock() { detail::check(procsync_mutex_unlock(get())); }
    // Locks it even if its holder died and the options say to refuse then.
    void repair() { locked(procsync_mutex_repair(get(), &abandoned_)); }

    // Whether the previous holder died. For who has the mutex, about the last lock by this object.
    bool abandoned() const noexcept { return abandoned_; }
    // Who that was.
    deceased abandoned_by() const noexcept { return by_; }
    std::uint64_t grant() const {
        std::uint64_t grant = 0;
        detail::check(procsync_mutex_grant(get(), &grant));
        return grant;
    }
    bool is_locked() const {
        bool locked = false;
        detail::check(procsync_mutex_is_locked(get(), &locked));
        return locked;
    }
    bool force_release() {
        bool held = false;
        detail::check(procsync_mutex_force_release(get(), &held));
        return held;
    }
    // The data that it guards, for who has it.
    void read(void* to, std::size_t size) const { detail::check(procsync_mutex_read(get(), to, size)); }
    void write(const void* from, std::size_t size) {
        detail::check(procsync_mutex_write(get(), from, size));
    }
    procsync_mutex* get() const noexcept { return handle_.get(); }

private:
    mutex(const char* name, const procsync_options* options, how how) : abandoned_(false), by_() {
        detail::check(how == how::open     ? procsync_mutex_open(name, options, handle_.out())
                      : how == how::create ? procsync_mutex_create(name, options, handle_.out())
                                           : procsync_mutex_attach(name, options, handle_.out()));
    }
    void locked(procsync_status status) {
        detail::check(status);
        if (abandoned_) by_ = detail::last_deceased();
    }
    bool in_time(std::int64_t timeout) {
        // Not into the member, which belongs to who has the mutex.
        bool abandoned = false;
        if (!detail::in_time(procsync_mutex_lock(get(), timeout, &abandoned))) return false;
        abandoned_ = abandoned;
        if (abandoned) by_ = detail::last_deceased();
        return true;
    }

    detail::handle<procsync_mutex, procsync_mutex_close> handle_;
    bool abandoned_;
    deceased by_;
};

// Only one thread at a time, which may lock it again. Fit for std::lock_guard and its like.
class reentrant_mutex {
public:
    explicit reentrant_mutex(const char* name, how how = how::open)
        : reentrant_mutex(name, nullptr, how) {}
    reentrant_mutex(const char* name, const options& options, how how = how::open)
        : reentrant_mutex(name, options.get(), how) {}

    void lock() { detail::check(procsync_reentrant_mutex_lock(get(), PROCSYNC_FOREVER, nullptr)); }
    bool try_lock() { return in_time(0); }
    template <class Rep, class Period>
    bool try_lock_for(const std::chrono::duration<Rep, Period>& timeout) {
        return in_time(detail::nanoseconds(timeout));
    }
    template <class Clock, class Duration>
    bool try_lock_until(const std::chrono::time_point<Clock, Duration>& moment) {
        return in_time(detail::until(moment));
    }
    void unlock() { detail::check(procsync_reentrant_mutex_unlock(get())); }
    // How many layers of it the calling thread has.
    std::uint32_t depth() const {
        std::uint32_t depth = 0;
        detail::check(procsync_reentrant_mutex_depth(get(), &depth));
        return depth;
    }
    procsync_reentrant_mutex* get() const noexcept { return handle_.get(); }

private:
    reentrant_mutex(const char* name, const procsync_options* options, how how) {
        detail::check(how == how::open     ? procsync_reentrant_mutex_open(name, options, handle_.out())
                      : how == how::create ? procsync_reentrant_mutex_create(name, options, handle_.out())
                                           : procsync_reentrant_mutex_attach(name, options, handle_.out()));
    }
    bool in_time(std::int64_t timeout) {
        return detail::in_time(procsync_reentrant_mutex_lock(get(), timeout, nullptr));
    }
    detail::handle<procsync_reentrant_mutex, procsync_reentrant_mutex_close> handle_;
};

// One of the system's own semaphores (sem_open, CreateSemaphoreW), shared with software that does not use
// procsync. It belongs to the thread that made it, which must also destroy it, and may lock it in
// layers; two of one name in one thread are the same. Fit for std::lock_guard and its like.
class native_semaphore {
public:
    explicit native_semaphore(const char* name) : native_semaphore(name, nullptr) {}
    native_semaphore(const char* name, const options& options)
        : native_semaphore(name, options.get()) {}

    void lock() { (void)in_time(PROCSYNC_FOREVER); }
    bool try_lock() { return in_time(0); }
    template <class Rep, class Period>
    bool try_lock_for(const std::chrono::duration<Rep, Period>& timeout) {
        return in_time(detail::nanoseconds(timeout));
    }
    template <class Clock, class Duration>
    bool try_lock_until(const std::chrono::time_point<Clock, Duration>& moment) {
        return in_time(detail::until(moment));
    }
    void unlock() { detail::check(procsync_native_unlock(get())); }
    // How often it is locked, one within the other.
    std::uint32_t depth() const {
        std::uint32_t depth = 0;
        detail::check(procsync_native_counts(get(), &depth, nullptr));
        return depth;
    }
    // Whether the previous holder died, and who that was, as of the last lock by this object.
    bool abandoned() const noexcept { return abandoned_; }
    deceased abandoned_by() const noexcept { return by_; }
    // Closes it and takes its name away; whether it still had one. Nothing else can be done with it then.
    bool unlink() {
        bool was_there = false;
        detail::check(procsync_native_close(get()));
        detail::check(procsync_native_unlink(get(), &was_there));
        return was_there;
    }
    procsync_native* get() const noexcept { return handle_.get(); }

private:
    native_semaphore(const char* name, const procsync_options* options) : abandoned_(false), by_() {
        detail::check(procsync_native_instantiate(name, options, handle_.out()));
        std::uint32_t flags = 0;
        detail::check(procsync_native_status(get(), &flags));
        if ((flags & PROCSYNC_NATIVE_OPENED) == 0) detail::check(procsync_native_open(get(), nullptr));
    }
    bool in_time(std::int64_t timeout) {
        if (!detail::in_time(procsync_native_lock(get(), timeout, &abandoned_))) return false;
        if (abandoned_) by_ = detail::last_deceased();
        return true;
    }

    detail::handle<procsync_native, procsync_native_free> handle_;
    bool abandoned_;
    deceased by_;
};

// Permits of a semaphore, given back when this goes. It must not outlive its semaphore.
class permit {
public:
    permit() noexcept : semaphore_(nullptr), permit_(), abandoned_(false) {}
    permit(procsync_semaphore* semaphore, procsync_permit permit, bool abandoned) noexcept
        : semaphore_(semaphore), permit_(permit), abandoned_(abandoned) {}
    permit(permit&& other) noexcept : permit() { swap(other); }
    permit& operator=(permit&& other) noexcept {
        permit moved(std::move(other));
        swap(moved);
        return *this;
    }
    permit(const permit&) = delete;
    permit& operator=(const permit&) = delete;
    ~permit() {
        if (semaphore_ != nullptr) (void)procsync_semaphore_release(semaphore_, &permit_);
    }

    explicit operator bool() const noexcept { return semaphore_ != nullptr; }
    std::uint32_t index() const noexcept { return permit_.index; }
    std::uint32_t count() const noexcept { return permit_.count; }
    // Whether the previous holder of one of them died.
    bool abandoned() const noexcept { return abandoned_; }
    std::vector<std::uint32_t> indexes() const {
        std::vector<std::uint32_t> indexes(permit_.count);
        std::size_t count = 0;
        detail::check(
            procsync_semaphore_indexes(semaphore_, &permit_, indexes.data(), indexes.size(), &count));
        indexes.resize(count);
        return indexes;
    }
    // Gives them back now.
    void release() {
        procsync_semaphore* semaphore = semaphore_;
        semaphore_ = nullptr;
        if (semaphore != nullptr) detail::check(procsync_semaphore_release(semaphore, &permit_));
    }

private:
    void swap(permit& other) noexcept {
        std::swap(semaphore_, other.semaphore_);
        std::swap(permit_, other.permit_);
        std::swap(abandoned_, other.abandoned_);
    }
    procsync_semaphore* semaphore_;
    procsync_permit permit_;
    bool abandoned_;
};

// At most so many at once, and a permit comes back when its holder dies. Two ways to use it: `take`
// answers a permit object; `acquire` and `release` have the names of std::counting_semaphore, and
// what was acquired is kept in this object until it is released, by whichever thread.
class semaphore {
public:
    // Attaches to one that is there, whatever its capacity.
    explicit semaphore(const char* name) {
        detail::check(procsync_semaphore_attach(name, nullptr, handle_.out()));
    }
    semaphore(const char* name, std::uint32_t capacity, how how = how::open)
        : semaphore(name, capacity, nullptr, how) {}
    semaphore(const char* name, std::uint32_t capacity, const options& options, how how = how::open)
        : semaphore(name, capacity, options.get(), how) {}

    permit take(std::uint32_t count = 1) {
        permit taken;
        (void)take(count, PROCSYNC_FOREVER, taken);
        return taken;
    }
    // An empty one if it cannot be had at once, or in time.
    permit try_take(std::uint32_t count = 1) {
        permit taken;
        (void)take(count, 0, taken);
        return taken;
    }
    template <class Rep, class Period>
    permit try_take_for(const std::chrono::duration<Rep, Period>& timeout, std::uint32_t count = 1) {
        permit taken;
        (void)take(count, detail::nanoseconds(timeout), taken);
        return taken;
    }

    void acquire() { (void)keep(PROCSYNC_FOREVER); }
    bool try_acquire() { return keep(0); }
    template <class Rep, class Period>
    bool try_acquire_for(const std::chrono::duration<Rep, Period>& timeout) {
        return keep(detail::nanoseconds(timeout));
    }
    template <class Clock, class Duration>
    bool try_acquire_until(const std::chrono::time_point<Clock, Duration>& moment) {
        return keep(detail::until(moment));
    }
    // Gives back as many as that of what `acquire` has acquired; error if it has not.
    void release(std::ptrdiff_t update = 1) {
        for (; update > 0; --update) {
            permit last;
            {
                std::lock_guard<std::mutex> guard(kept_by_);
                if (kept_.empty()) {
                    // The C function says so, and why.
                    procsync_permit none = procsync_permit();
                    detail::check(procsync_semaphore_release(get(), &none));
                    return;
                }
                last = std::move(kept_.back());
                kept_.pop_back();
            }
            last.release();
        }
    }

    std::uint32_t capacity() const {
        std::uint32_t capacity = 0;
        detail::check(procsync_semaphore_capacity(get(), &capacity));
        return capacity;
    }
    std::uint32_t available() const {
        std::uint32_t available = 0;
        detail::check(procsync_semaphore_available(get(), &available));
        return available;
    }
    procsync_semaphore* get() const noexcept { return handle_.get(); }

private:
    semaphore(const char* name, std::uint32_t capacity, const procsync_options* options, how how) {
        detail::check(
            how == how::open     ? procsync_semaphore_open(name, capacity, options, handle_.out())
            : how == how::create ? procsync_semaphore_create(name, capacity, options, handle_.out())
                                 : procsync_semaphore_attach(name, options, handle_.out()));
    }
    bool take(std::uint32_t count, std::int64_t timeout, permit& to) {
        procsync_permit taken;
        bool abandoned = false;
        if (!detail::in_time(procsync_semaphore_acquire(get(), count, timeout, &taken, &abandoned))) {
            return false;
        }
        to = permit(get(), taken, abandoned);
        return true;
    }
    bool keep(std::int64_t timeout) {
        permit taken;
        if (!take(1, timeout, taken)) return false;
        std::lock_guard<std::mutex> guard(kept_by_);
        kept_.push_back(std::move(taken));
        return true;
    }

    // The handle goes last: permits are given back through it.
    detail::handle<procsync_semaphore, procsync_semaphore_close> handle_;
    std::mutex kept_by_;
    std::vector<permit> kept_;
};

// Counts things that nobody owns, with the names of std::counting_semaphore.
class token_semaphore {
public:
    // Attaches to one that is there, whatever its count.
    explicit token_semaphore(const char* name) {
        detail::check(procsync_token_semaphore_attach(name, nullptr, handle_.out()));
    }
    token_semaphore(const char* name, std::uint32_t desired, how how = how::open)
        : token_semaphore(name, desired, nullptr, how) {}
    token_semaphore(const char* name, std::uint32_t desired, const options& options,
                    how how = how::open)
        : token_semaphore(name, desired, options.get(), how) {}

    static constexpr std::ptrdiff_t max() noexcept {
        return sizeof(std::ptrdiff_t) > 4
                   ? static_cast<std::ptrdiff_t>(std::numeric_limits<std::uint32_t>::max())
                   : std::numeric_limits<std::ptrdiff_t>::max();
    }
    void release(std::ptrdiff_t update = 1) {
        if (update < 0 || update > max()) {
            throw std::invalid_argument("procsync::token_semaphore::release: out of range");
        }
        detail::check(procsync_token_semaphore_post(get(), static_cast<std::uint32_t>(update)));
    }
    void acquire() { detail::check(procsync_token_semaphore_wait(get(), PROCSYNC_FOREVER)); }
    bool try_acquire() { return in_time(0); }
    template <class Rep, class Period>
    bool try_acquire_for(const std::chrono::duration<Rep, Period>& timeout) {
        return in_time(detail::nanoseconds(timeout));
    }
    template <class Clock, class Duration>
    bool try_acquire_until(const std::chrono::time_point<Clock, Duration>& moment) {
        return in_time(detail::until(moment));
    }
    std::uint32_t value() const {
        std::uint32_t value = 0;
        detail::check(procsync_token_semaphore_value(get(), &value));
        return value;
    }
    procsync_token_semaphore* get() const noexcept { return handle_.get(); }

private:
    token_semaphore(const char* name, std::uint32_t desired, const procsync_options* options, how how) {
        detail::check(
            how == how::open     ? procsync_token_semaphore_open(name, desired, options, handle_.out())
            : how == how::create ? procsync_token_semaphore_create(name, desired, options, handle_.out())
                                 : procsync_token_semaphore_attach(name, options, handle_.out()));
    }
    bool in_time(std::int64_t timeout) {
        return detail::in_time(procsync_token_semaphore_wait(get(), timeout));
    }
    detail::handle<procsync_token_semaphore, procsync_token_semaphore_close> handle_;
};

// Something that has happened or not.
class event {
public:
    // Attaches to one that is there, however it is reset.
    explicit event(const char* name) {
        detail::check(procsync_event_attach(name, nullptr, handle_.out()));
    }
    event(const char* name, procsync_reset reset, how how = how::open)
        : event(name, reset, nullptr, how) {}
    event(const char* name, procsync_reset reset, const options& options, how how = how::open)
        : event(name, reset, options.get(), how) {}

    void set() { detail::check(procsync_event_set(get())); }
    void clear() { detail::check(procsync_event_clear(get())); }
    bool is_set() const {
        bool set = false;
        detail::check(procsync_event_is_set(get(), &set));
        return set;
    }
    void wait() { detail::check(procsync_event_wait(get(), PROCSYNC_FOREVER)); }
    bool try_wait() { return detail::in_time(procsync_event_wait(get(), 0)); }
    template <class Rep, class Period>
    bool wait_for(const std::chrono::duration<Rep, Period>& timeout) {
        return detail::in_time(procsync_event_wait(get(), detail::nanoseconds(timeout)));
    }
    template <class Clock, class Duration>
    bool wait_until(const std::chrono::time_point<Clock, Duration>& moment) {
        return detail::in_time(procsync_event_wait(get(), detail::until(moment)));
    }
    procsync_event* get() const noexcept { return handle_.get(); }

private:
    event(const char* name, procsync_reset reset, const procsync_options* options, how how) {
        detail::check(how == how::open     ? procsync_event_open(name, reset, options, handle_.out())
                      : how == how::create ? procsync_event_create(name, reset, options, handle_.out())
                                           : procsync_event_attach(name, options, handle_.out()));
    }
    detail::handle<procsync_event, procsync_event_close> handle_;
};

// Bytes that everybody sees. Others may change them at any time: use atomics, or a mutex.
class shared_memory {
public:
    // Attaches to one that is there, whatever its size.
    explicit shared_memory(const char* name) {
        detail::check(procsync_shared_memory_attach(name, nullptr, handle_.out()));
    }
    shared_memory(const char* name, std::uint64_t size, how how = how::open)
        : shared_memory(name, size, nullptr, how) {}
    shared_memory(const char* name, std::uint64_t size, const options& options, how how = how::open)
        : shared_memory(name, size, options.get(), how) {}

    // Where it begins in this process, for as long as this object.
    void* data() const {
        void* address = nullptr;
        detail::check(procsync_shared_memory_address(get(), &address));
        return address;
    }
    std::uint64_t size() const {
        std::uint64_t size = 0;
        detail::check(procsync_shared_memory_size(get(), &size));
        return size;
    }
    // Whether opening this object created it.
    bool created() const {
        bool created = false;
        detail::check(procsync_shared_memory_created(get(), &created));
        return created;
    }
    void read(std::uint64_t offset, void* to, std::size_t size) const {
        detail::check(procsync_shared_memory_read(get(), offset, to, size));
    }
    void write(std::uint64_t offset, const void* from, std::size_t size) {
        detail::check(procsync_shared_memory_write(get(), offset, from, size));
    }
    procsync_shared_memory* get() const noexcept { return handle_.get(); }

private:
    shared_memory(const char* name, std::uint64_t size, const procsync_options* options, how how) {
        detail::check(
            how == how::open     ? procsync_shared_memory_open(name, size, options, handle_.out())
            : how == how::create ? procsync_shared_memory_create(name, size, options, handle_.out())
                                 : procsync_shared_memory_attach(name, options, handle_.out()));
    }
    detail::handle<procsync_shared_memory, procsync_shared_memory_close> handle_;
};

// Removes an object by name, whatever its kind.
inline procsync_removal remove(const char* name, procsync_scope scope = PROCSYNC_SCOPE_USER) {
    std::int32_t removal = PROCSYNC_REMOVAL_NONE;
    detail::check(procsync_remove(name, scope, &removal));
    return static_cast<procsync_removal>(removal);
}

}  // namespace procsync

#endif  // PROCSYNC_HPP
