// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>

#include "bootcfg/journal-file.h"
#include "bootcfg/stage.h"

static int sync_home(struct place_dir *home)
{
	if (TEMP_FAILURE_RETRY(fsync(home->fd)) < 0)
		return -errno;
	return 0;
}

static int fill(int fd, const char *text, size_t size)
{
	int r = write_fully(fd, text, size);

	if (r >= 0 && TEMP_FAILURE_RETRY(fsync(fd)) < 0)
		r = -errno;
	if (close(fd) < 0 && errno != EINTR && r >= 0)
		r = -errno;
	return r;
}

int journal_write(struct place_dir *home, const struct journal *journal)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_free_ char *text = journal_text(journal);
	int fd, r;

	if (!text)
		return -ENOMEM;
	fd = TEMP_FAILURE_RETRY(openat(home->fd, JOURNAL_STAGING, flags, 0600));
	if (fd < 0 && errno == EEXIST) {
		/* Cut off while it was written, or anything else that an image may have there. */
		r = journal_drop(home, JOURNAL_STAGING);
		if (r < 0)
			return r;
		fd = TEMP_FAILURE_RETRY(openat(home->fd, JOURNAL_STAGING, flags, 0600));
	}
	if (fd < 0)
		return -errno;
	r = fill(fd, text, strlen(text));
	/* Whatever is staged from now on must be found in it after a power cut. */
	if (r >= 0)
		r = sync_home(home);
	if (r < 0 && journal_drop(home, JOURNAL_STAGING) < 0)
		return r; /* the next run removes it */
	return r;
}

int journal_promote(struct place_dir *home)
{
	int r = stage_rename(home, JOURNAL_STAGING, JOURNAL_NAME, false);

	return r < 0 ? r : sync_home(home);
}

int journal_demote(struct place_dir *home)
{
	return stage_rename(home, JOURNAL_NAME, JOURNAL_STAGING, false);
}

int journal_read(const struct place_dir *home, const char *name, struct journal *ret)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_at(home->fd, name, &text, &size);

	if (r == -ELOOP || r == -ENOTSUP || r == -EFBIG)
		return -EBADMSG;
	return r < 0 ? r : journal_parse(text, size, ret);
}

int journal_drop(struct place_dir *home, const char *name)
{
	if (TEMP_FAILURE_RETRY(unlinkat(home->fd, name, 0)) < 0)
		return errno == ENOENT ? 0 : -errno;
	home->changed = true;
	return 0;
}

bool journal_is_there(const struct place_dir *home, const char *name)
{
	return !faccessat(home->fd, name, F_OK, AT_SYMLINK_NOFOLLOW);
}
