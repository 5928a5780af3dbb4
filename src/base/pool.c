/*
 * pool.c - worker threads that come when there is work and go when there is none
 *
 * (1) idle + busy == threads, all under lock.
 */
#include "base/loop.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/mem.h"

#define IDLE_SECONDS 5
#define STACK_SIZE   (256 * 1024)

struct job {
	struct job *next;
	loop_fn *fn, *done;
	void *ctx;
};

struct pool {
	struct loop *loop;
	unsigned max, threads, idle;
	bool closing;
	pthread_mutex_t lock;
	pthread_cond_t work, gone;
	struct job *first, *last;
};

struct pool *pool_new(struct loop *loop, unsigned max_threads)
{
	struct pool *pool = xnew(struct pool);

	pool->loop = loop;
	pool->max = max_threads;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->gone, NULL);
	return pool;
}

/* Under lock; NULL when the thread should end. */
static struct job *next_job(struct pool *pool)
{
	struct job *job;

	while (!pool->first) {
		struct timespec until;
		int r;

		if (pool->closing)
			return NULL;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += IDLE_SECONDS;
		pool->idle++;
		r = pthread_cond_timedwait(&pool->work, &pool->lock, &until);
		pool->idle--;
		if (r == ETIMEDOUT && !pool->first)
			return NULL;
	}
	job = pool->first;
	pool->first = job->next;
	if (!pool->first)
		pool->last = NULL;
	return job;
}

static void *worker(void *ctx)
{
	struct pool *pool = ctx;
	struct job *job;

	pthread_mutex_lock(&pool->lock);
	while ((job = next_job(pool))) {
		pthread_mutex_unlock(&pool->lock);
		job->fn(job->ctx);
		if (job->done)
			loop_post(pool->loop, job->done, job->ctx);
		free(job);
		pthread_mutex_lock(&pool->lock);
	}
	pool->threads--;
	pthread_cond_broadcast(&pool->gone);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* Under lock. Without any thread the work would wait for ever, so then failing is fatal. */
static void start_worker(struct pool *pool)
{
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
#if !defined(__SANITIZE_ADDRESS__)
	pthread_attr_setstacksize(&attr, STACK_SIZE);
#endif
	if (pthread_create(&t, &attr, worker, pool) == 0)
		pool->threads++;
	else
		CHECK(pool->threads > 0);
	pthread_attr_destroy(&attr);
}

void pool_run(struct pool *pool, loop_fn *fn, loop_fn *done, void *ctx)
{
	struct job *job = xnew(struct job);

	*job = (struct job){.fn = fn, .done = done, .ctx = ctx};
	pthread_mutex_lock(&pool->lock);
	if (pool->last)
		pool->last->next = job;
	else
		pool->first = job;
	pool->last = job;
	if (pool->idle == 0 && pool->threads < pool->max)
		start_worker(pool);
	else
		pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->closing = true;
	pthread_cond_broadcast(&pool->work);
	while (pool->threads > 0)
		pthread_cond_wait(&pool->gone, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}
